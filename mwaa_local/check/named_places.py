"""Files and folders of the project that `mwaa.yaml` names by their keys, where mwaa-local reads another place.

The requirements file and the startup script are read where they are named (`named_files`); plugins and DAGs are not:
the one is a built file on MWAA, and the other a folder that commands know by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mwaa_local.finding import WARNING, Finding
from mwaa_local.named_files import DAGS_MEMBER, PLUGINS_MEMBER, named_paths
from mwaa_local.project import ENVIRONMENT_FILE, NAMED_BY, Project

NAMED = "file-named-elsewhere"
RULES = {NAMED: "mwaa.yaml names what mwaa-local does not read, or a second, different file is in the usual place"}


def named_elsewhere(project: Project) -> tuple[Finding, ...]:
    """Return a warning for each file that one may think is read, and that is not."""
    return (*_second_files(project), *_built_plugins(project), *_other_dags(project))


def _second_files(project: Project) -> Iterator[Finding]:
    usual = project.usual_delivery
    for name, used in project.delivery.named.items():
        folder, _, rest = name.partition("/")
        other = usual.folders[folder] / rest
        if _differ(used, other):
            member, shown, key = NAMED_BY[name], _shown(project, other), _shown(project, used)
            what = f"this file is not read: {member} in {ENVIRONMENT_FILE} names {key}"
            why = f"Both are in the project. mwaa-local takes {key}, for that is the key that MWAA reads."
            hint = f"remove the file that MWAA does not get; if you upload this one as {key}, write {member}: {shown}"
            yield Finding(NAMED, WARNING, shown, 0, what, why, hint)


def _built_plugins(project: Project) -> Iterator[Finding]:
    path = named_paths(project.environment_path).get(PLUGINS_MEMBER)
    if path is None or not path.is_file() or any(item.is_file() for item in project.plugins_dir.rglob("*")):
        return
    shown = _shown(project, path)
    what = f"mwaa-local does not read this file, which {PLUGINS_MEMBER} in {ENVIRONMENT_FILE} names"
    why = (
        "It reads plugins from the folder plugins/, which has no file. What they bring is missing in everything below."
    )
    yield Finding(NAMED, WARNING, shown, 0, what, why, f"unzip {shown} -d plugins")


def _other_dags(project: Project) -> Iterator[Finding]:
    path = named_paths(project.environment_path).get(DAGS_MEMBER)
    if path is None or not path.is_dir() or project.dags_dir.exists():
        return
    shown = _shown(project, path)
    what = f"mwaa-local does not read this folder, which {DAGS_MEMBER} in {ENVIRONMENT_FILE} names"
    why = "It reads DAG files from dags/, which is not there."
    hint = "move the DAG files into dags/" if path.samefile(project.root_dir) else f"mv {shown} dags"
    yield Finding(NAMED, WARNING, shown, 0, what, why, hint)


def _differ(used: Path, other: Path) -> bool:
    try:
        return other.is_file() and used.read_bytes() != other.read_bytes()
    except OSError:  # whoever reads the file reports that
        return False


def _shown(project: Project, path: Path) -> str:
    return path.relative_to(project.root_dir).as_posix()
