"""What is installed in a package set, and which of its modules cannot be imported, as its interpreter reports it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from mwaa_local.command import Completed, Request, run
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.packages import PythonEnvironment
from mwaa_local.requirements import install as requirements_install

PROBE_PATH = Path(__file__).parents[2] / "guest" / "import_probe.py"
LIST_TIMEOUT_S = 120.0
# For all modules of one interpreter: those of a whole package set take about 5 s on a small machine.
IMPORT_TIMEOUT_S = 180.0
MAX_INTERPRETERS = 5  # each after the first goes on behind a module that ended the one before
OPTIONAL_FEATURE = "AirflowOptionalProviderFeatureException"


@dataclass(frozen=True)
class Distribution:
    """An installed package: the modules at its top, and those that it provides to Airflow."""

    name: str  # normalised
    version: str
    modules: tuple[str, ...]
    provided: tuple[str, ...]


@dataclass(frozen=True)
class ImportFailure:
    """Why a module cannot be imported. `missing` is the module that was not found, where that is why."""

    module: str
    kind: str  # the exception's class, or "" where the interpreter ended or did not come back
    said: str
    missing: str = ""
    place: str = ""

    @property
    def is_optional(self) -> bool:
        """Whether it only says that a package for an additional feature is not there."""
        core = self.missing.startswith("airflow.") and not self.missing.startswith("airflow.providers.")
        return self.kind == OPTIONAL_FEATURE or (self.kind == ModuleNotFoundError.__name__ and not core)

    @property
    def is_gone(self) -> bool:
        """Whether the module itself, or a package that it is in, is not there."""
        return bool(self.missing) and (self.module == self.missing or self.module.startswith(f"{self.missing}."))

    @property
    def reason(self) -> str:
        return f"{self.kind}: {self.said}" if self.kind else self.said


@dataclass(frozen=True)
class Probe:
    """Asks interpreters what is installed and what can be imported, each in a process of its own."""

    work_dir: Path
    env: Mapping[str, str]
    import_timeout_s: float = IMPORT_TIMEOUT_S

    def installed(self, packages: PythonEnvironment) -> dict[str, Distribution]:
        """Return the packages by name. Raises PackagesUnavailable when the interpreter does not say."""
        completed, answers = self._run(packages, "list", LIST_TIMEOUT_S)
        if not completed.ok:
            raise PackagesUnavailable(
                "cannot list the installed packages",
                completed.output.strip()[-requirements_install.REASON_LINE_CHARACTERS :],
                "look at what the requirements do to Python's own files",
            )
        found: dict[str, Distribution] = {}
        for answer in answers:
            name = canonicalize_name(answer["name"])
            # The first of two of one name is the one that is imported.
            found.setdefault(
                name, Distribution(name, answer["version"], tuple(answer["modules"]), tuple(answer["provided"]))
            )
        return found

    def failures(self, packages: PythonEnvironment, modules: Sequence[str]) -> list[ImportFailure]:
        """Return what cannot be imported. A module that ends the interpreter, or never returns, is one of these."""
        left, found = list(dict.fromkeys(modules)), []
        for _ in range(MAX_INTERPRETERS):
            if not left:
                break
            names_path = self.work_dir / "modules.txt"
            names_path.write_text("\n".join(left), encoding="utf-8")
            completed, answers = self._run(packages, "import", self.import_timeout_s, str(names_path))
            ended = {answer["module"] for answer in answers if "kind" in answer}
            found += [_failure(answer, packages) for answer in answers if answer.get("kind")]
            begun = [answer["module"] for answer in answers if answer["module"] not in ended]
            found += [self._ended_by(module, completed) for module in begun]
            left = [module for module in left if module not in ended and module not in begun]
            if not answers:
                break
        return [*found, *(ImportFailure(module, "", "not tried, because others crashed Python") for module in left)]

    def _ended_by(self, module: str, completed: Completed) -> ImportFailure:
        if completed.timed_out:
            return ImportFailure(module, "", f"the import was not done when {self.import_timeout_s:g} s were over")
        return ImportFailure(module, "", f"the import crashed Python with exit code {completed.exit_code}")

    def _run(
        self, packages: PythonEnvironment, wish: str, timeout_s: float, *more: str
    ) -> tuple[Completed, list[dict[str, Any]]]:
        answers_path = self.work_dir / "answers.jsonl"
        answers_path.unlink(missing_ok=True)
        # -I: neither this file's folder nor the caller's variables change what is imported.
        argv = [str(packages.python_path), "-I", str(PROBE_PATH), wish, str(answers_path), *more]
        completed = run(Request(argv, self.env, self.work_dir, timeout_s, alone=True))
        lines = answers_path.read_text(encoding="utf-8").splitlines() if answers_path.exists() else []
        return completed, [json.loads(line) for line in lines]


def _failure(answer: Mapping[str, str], packages: PythonEnvironment) -> ImportFailure:
    """Return the failure without the folder of the packages, which is gone when this is read."""
    folder = f"{packages.site_packages_dir}/"
    return ImportFailure(**{name: text.replace(folder, "") for name, text in answer.items()})
