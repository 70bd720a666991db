"""Ask the requirements check and the real pip about the same file, and say where their answers differ.

The check answers as `mwaa-local check requirements` does: by uv, for MWAA's platform, and where the choice among
several sets matters, by the release's own pip, which it stops before the end (`guest/pip_plan.py`). Beside it stands a
pip that nothing of ours has a hand in: `pip install --dry-run --report` in the release's own package set, with the
arguments that MWAA would give it, so the set stays as it is; packages that come as source are then built, which a dry
run leaves out. It is of the version that the release has, or the first with a dry run for 2.2.2, whose pip has none. So
where the check asks pip, what is compared is how it asks and what it makes of the answer; everywhere else, uv's answer
with pip's. Both see one index, as of one day (`index`).

Not for what a difference means: files whose answers are known to differ say why, in `files-*.toml`.

The package set stands for MWAA's image: same packages, same minor version of Python. Its C library is this machine's,
which may be newer than the image's, so that pip can find wheels here that do not fit there; where that changes an
answer, the file says so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import uv
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.pip_plan import Pips, settled
from mwaa_local.check.requirements.resolver import PYPI_URL
from mwaa_local.check.requirements.verdict import Checked, Conflict, NoWheel, Unchecked, Works
from mwaa_local.command import Completed, Request, run
from mwaa_local.finding import ERROR
from mwaa_local.network import NETWORK_VARIABLES, build_env
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.requirements.install import REQUIREMENTS_INSTALL_TIMEOUT_S
from mwaa_local.requirements.prepare import prepare

FILES_DIR = Path(__file__).parent
AIRFLOW_VERSIONS = tuple(release.airflow_version for release in Release.all())
# The first pip with `--dry-run --report`, in its last edition.
FIRST_WITH_DRY_RUN = "22.2.2"
PIP_DOWNLOAD_TIMEOUT_S = 120.0
WORKS, REFUSED, UNKNOWN = "works", "refused", "unknown"
# Errors on MWAA that no pip on this machine can see: paths that are here and not there, an Airflow that can be replaced
# though nothing runs with it afterwards.
BEYOND_PIP = ("local-path", "replaces-airflow", "requests-airflow")
# uv puts it into a package set of Python below 3.12, and MWAA's image has none: pip does not say whether it would come.
SEEDED = ("wheel",)
_NOT_REACHED = re.compile(
    r"Failed to establish a new connection|Max retries exceeded|Temporary failure in name resolution|ProxyError"
    r"|NewConnectionError|NameResolutionError|Read timed out|Connection aborted|5\d\d Server Error"
)
_FOLDER_OF_PROJECT = "file:"
_SAID_CHARACTERS = 600
_SHOWN_CHANGES = 12


@dataclass(frozen=True)
class RequirementsFile:
    """One file of the comparison. `disagreement` is why the two answers differ; "" where they have to be the same.

    With `only_without`, they differ only on a machine without that program, and agree where it is.
    """

    airflow_version: str
    name: str
    text: str
    remark: str = ""
    disagreement: str = ""
    only_without: str = ""
    is_sample: bool = False
    others: Mapping[str, str] = field(default_factory=dict)  # path in the project -> text
    constraints_of: Mapping[str, str] = field(default_factory=dict)  # path in the project -> release that has them

    def known_difference(self, env: Mapping[str, str]) -> str:
        """Return why the answers differ on this machine, "" where they have to be the same."""
        is_there = bool(self.only_without) and shutil.which(self.only_without, path=env.get("PATH")) is not None
        return "" if is_there else self.disagreement


@dataclass(frozen=True)
class Answer:
    """What one of the two says. `changes` are package and version, or address, of all that would be installed."""

    outcome: str
    changes: frozenset[tuple[str, str]] = frozenset()
    said: str = ""
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class Pip:
    """A pip that can do a dry run, in `module_dir`, and the package set it does it in, which may have another one."""

    environment: PythonEnvironment
    env: Mapping[str, str]
    module_dir: Path

    def install(self, argv: Sequence[str], cwd: Path, report_path: Path) -> Completed:
        """Run `pip install` without installing anything; what it would install is written to `report_path`."""
        return self._run("install", "--dry-run", "--report", str(report_path), *argv, cwd=cwd)

    def build(self, addresses: Sequence[str], target_dir: Path) -> Completed:
        """Build packages from source, without what they need."""
        return self._run("wheel", "--no-deps", "--wheel-dir", str(target_dir), *addresses, cwd=target_dir.parent)

    def _run(self, *argv: str, cwd: Path) -> Completed:
        whole = [str(self.environment.python_path), "-m", "pip", "--quiet", *argv]
        env = {**self.env, "PYTHONPATH": str(self.module_dir)}
        return run(Request(whole, env, cwd, REQUIREMENTS_INSTALL_TIMEOUT_S))


def load(airflow_version: str) -> tuple[RequirementsFile, ...]:
    """Return the files of a release, in the order written."""
    data = tomllib.loads((FILES_DIR / f"files-{airflow_version}.toml").read_text(encoding="utf-8"))
    return tuple(
        RequirementsFile(
            airflow_version=airflow_version,
            name=item.pop("name"),
            text=item.pop("text"),
            is_sample=item.pop("sample", False),
            **item,
        )
        for item in data["file"]
    )


def open_pip(release: Release, cache_dir: Path, work_dir: Path, caller_env: Mapping[str, str]) -> Pip:
    """Return the release's pip, its package set built when it is not there yet; needs the network."""
    environment = PackageStore(cache_dir, caller_env).base(release, lambda _: None)
    version = max(release.pip_version, FIRST_WITH_DRY_RUN, key=Version)
    module_dir = work_dir / "pip"
    argv = [uv.find_uv_bin(), "pip", "install", "--quiet", "--target", str(module_dir), f"pip=={version}"]
    argv += ["--python", str(environment.python_path)]
    completed = run(Request(argv, build_env(caller_env), work_dir, PIP_DOWNLOAD_TIMEOUT_S))
    assert completed.ok, completed.output
    return Pip(environment, pip_env(caller_env), module_dir)


def pip_env(caller_env: Mapping[str, str]) -> dict[str, str]:
    """Return pip's environment: the way to the index, and nothing else of the caller's settings."""
    kept = {name: value for name, value in caller_env.items() if name.upper() in NETWORK_VARIABLES}
    kept |= {name: caller_env[name] for name in ("PIP_INDEX_URL", "PIP_CERT", "PIP_CACHE_DIR") if name in caller_env}
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    return {**kept, **own, "HOME": caller_env["HOME"], "PATH": caller_env.get("PATH", os.defpath)}


def write_project(file: RequirementsFile, root_dir: Path, env: Mapping[str, str]) -> Project:
    """Write a project with the file as its requirements, and the files that it names.

    An index that these name as PyPI is the one of `env`.
    """
    texts = {"dags/.airflowignore": "", "requirements/requirements.txt": file.text, **file.others}
    for name, version in file.constraints_of.items():
        texts[name] = Release.load(version).constraints_path.read_text(encoding="utf-8")
    for name, text in texts.items():
        path = root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.replace(PYPI_URL, env["PIP_INDEX_URL"]).encode())
    return Project(root_dir)


def ask_check(
    file: RequirementsFile, project: Project, caller_env: Mapping[str, str], cache_dir: Path | None = None
) -> Answer:
    """Return what the check says; with a cache folder it may ask the release's pip where that matters."""
    pips = settled(Pips(cache_dir, caller_env)) if cache_dir is not None else None
    checking = RequirementsCheck(project, project.requirements_path, caller_env, {}, pips=pips)
    release = Release.load(file.airflow_version)
    answer = answer_of(checking.check(release))
    return replace(answer, changes=comparable(answer.changes, release))


def answer_of(checked: Checked) -> Answer:
    """Return a result of the check as far as pip can have an opinion on it."""
    verdict = checked.verdict
    errors = [item for item in checked.findings if item.severity == ERROR and item.rule not in BEYOND_PIP]
    if isinstance(verdict, Unchecked):
        # A file that pip cannot read is told by a finding, and cannot be resolved.
        outcome, said = (REFUSED, errors[0].what) if errors else (UNKNOWN, f"{verdict.what}: {verdict.why}")
        return Answer(outcome, said=said, elapsed_s=checked.elapsed_s)
    if isinstance(verdict, Conflict | NoWheel):
        said = " / ".join(clash.why for clash in verdict.clashes) if isinstance(verdict, Conflict) else str(verdict)
        return Answer(REFUSED, said=said[:_SAID_CHARACTERS], elapsed_s=checked.elapsed_s)
    if errors:
        return Answer(REFUSED, said=errors[0].what, elapsed_s=checked.elapsed_s)
    return Answer(WORKS, changes_of(verdict), elapsed_s=checked.elapsed_s)


def changes_of(verdict: Works) -> frozenset[tuple[str, str]]:
    return frozenset((change.name, normal(change.version)) for change in verdict.changes if change.name not in SEEDED)


def ask_pip(file: RequirementsFile, project: Project, pip: Pip, work_dir: Path) -> Answer:
    """Return what pip says with the arguments that MWAA gives it."""
    release = Release.load(file.airflow_version)
    home_map = project.delivery.by_seen_path
    prepared = prepare(project.requirements_path, release, work_dir / "copies", home_map=home_map)
    report_path = work_dir / "report.json"
    completed = pip.install(prepared.argv_tail, project.root_dir, report_path)
    elapsed_s = completed.elapsed_s
    if completed.ok and (addresses := sources_in(report_path)):
        completed = pip.build(addresses, work_dir / "built")
        elapsed_s += completed.elapsed_s
    if completed.ok:
        return Answer(WORKS, comparable(installed_by(report_path), release), elapsed_s=elapsed_s)
    said = completed.output[-_SAID_CHARACTERS:]
    outcome = UNKNOWN if _NOT_REACHED.search(completed.output) else REFUSED  # MWAA's time is over, for pip, too
    return Answer(outcome, said=f"timed out: {said}" if completed.timed_out else said, elapsed_s=elapsed_s)


def comparable(changes: frozenset[tuple[str, str]], release: Release) -> frozenset[tuple[str, str]]:
    """Return changes without those that follow from where the package set differs from the image.

    It has another version, or another package, in place of what cannot be had here, and some that the image has not.
    """
    packages = release.packages
    stand_ins = {Requirement(text).name for text in packages.replaced.values()}
    only_in_set = {canonicalize_name(name) for name in (*stand_ins, *packages.added)} - set(packages.base)
    in_image = {(name, normal(version)) for name, version in packages.base.items()}
    return frozenset(change for change in changes if change[0] not in only_in_set) - in_image


def installed_by(report_path: Path) -> frozenset[tuple[str, str]]:
    """Return what pip's report says it would install; none where it wrote none, for want of anything to do."""
    found = set()
    for item in _report(report_path):
        if item["download_info"]["url"].startswith(_FOLDER_OF_PROJECT):  # the check tells of these by their paths
            continue
        name = canonicalize_name(item["metadata"]["name"])
        version = item["download_info"]["url"] if item["is_direct"] else item["metadata"]["version"]
        found.add((name, normal(version)))
    return frozenset(change for change in found if change[0] not in SEEDED)


def sources_in(report_path: Path) -> list[str]:
    """Return the addresses of what pip would have to build."""
    addresses = [str(item["download_info"]["url"]) for item in _report(report_path)]
    return [address for address in addresses if not urldefrag(address).url.endswith(".whl")]


def _report(report_path: Path) -> list[dict[str, Any]]:
    if not report_path.exists():
        return []
    installs: list[dict[str, Any]] = json.loads(report_path.read_text(encoding="utf-8"))["install"]
    return installs


def normal(version: str) -> str:
    """Return the same text for versions that are the same, and an address without its hash."""
    try:
        return str(Version(version))
    except InvalidVersion:
        return urldefrag(version).url


def difference(checked: Answer, installed: Answer) -> str:
    """Return in words how the check's answer differs from pip's; "" where it does not."""
    if checked.outcome != installed.outcome:
        return (
            f"the check says {checked.outcome}, pip says {installed.outcome}\n"
            f"check: {checked.said or listed(checked.changes)}\npip: {installed.said or listed(installed.changes)}"
        )
    if checked.changes == installed.changes:
        return ""
    return (
        f"both say {checked.outcome}, with other packages\nonly the check: "
        f"{listed(checked.changes - installed.changes)}\nonly pip: {listed(installed.changes - checked.changes)}"
    )


def listed(changes: frozenset[tuple[str, str]]) -> str:
    """Return packages as text, not too many."""
    texts = [f"{name} {version}" for name, version in sorted(changes)]
    more = [f"and {len(texts) - _SHOWN_CHANGES} more"] if len(texts) > _SHOWN_CHANGES else []
    return ", ".join([*texts[:_SHOWN_CHANGES], *more]) or "nothing"


def can_compare(*answers: Answer) -> bool:
    """Whether both have an answer, and not only a network that fails."""
    return all(answer.outcome != UNKNOWN for answer in answers)
