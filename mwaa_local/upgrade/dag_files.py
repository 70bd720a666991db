"""Which files below the DAGs folder Airflow parses for DAGs, by name, `.airflowignore` and words; only read."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from mwaa_local.check.dags.ignore_file import OPTION, VARIABLE, ignore_syntax
from mwaa_local.check.plugins.ignoring import IGNORE_FILE, IgnoreRules, Parts
from mwaa_local.release import Release

SAFE_MODE_OPTION = "core.dag_discovery_safe_mode"
# `might_contain_dag` of Airflow 2 and 3 in safe mode: other Python files are not parsed. "asset" is Airflow 3's.
AIRFLOW_WORD, DAG_WORDS = b"airflow", (b"dag", b"asset")
FALSE = ("false", "f", "0")  # as Airflow reads a truth value


@dataclass(frozen=True)
class DagFiles:
    """The files below one DAGs folder. `options` are those that the environment sets, lower case."""

    dags_dir: Path
    options: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def ignore_texts(self) -> dict[Parts, str]:
        """The text of each `.airflowignore`, by the folder that has it."""
        found = sorted(self.dags_dir.rglob(IGNORE_FILE)) if self.dags_dir.is_dir() else []
        paths = (path for path in found if path.is_file())
        texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in paths}
        return {path.relative_to(self.dags_dir).parts[:-1]: text for path, text in texts.items()}

    def parsed(self) -> Iterator[Parts]:
        """Yield the files that have DAGs as far as their words tell, whatever `.airflowignore` says."""
        for path in sorted(self.dags_dir.rglob("*")):
            if path.is_file() and (path.suffix == ".zip" or (path.suffix == ".py" and self._has_words(path))):
                yield path.relative_to(self.dags_dir).parts

    def _has_words(self, path: Path) -> bool:
        if self.options.get(SAFE_MODE_OPTION, "").strip().lower() in FALSE:
            return True
        try:
            content = path.read_bytes().lower()
        except OSError:
            return False
        return AIRFLOW_WORD in content and any(word in content for word in DAG_WORDS)

    def rules(self, release: Release, syntax: str = "") -> IgnoreRules:
        """Return the rules of that release; `syntax` is the one that holds, by default what options and release say."""
        given = {VARIABLE: self.options[OPTION]} if OPTION in self.options else {}
        return IgnoreRules.of_dags(self.ignore_texts, release, syntax or ignore_syntax(release, given))


def is_beside_the_project(path: PurePath) -> bool:
    """Whether a path below dags/ or plugins/ is of tests, or of a hidden folder, such as a virtual environment."""
    is_hidden = any(part.startswith(".") for part in path.parts)
    return is_hidden or path.name == "conftest.py" or path.name.startswith("test_")
