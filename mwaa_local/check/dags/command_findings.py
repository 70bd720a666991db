"""What a task's shell command cannot do on MWAA: findings."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping

import yaml

from mwaa_local.check.dags.import_results import TaskFact
from mwaa_local.check.dags.rules import write_below_dags
from mwaa_local.check.dags.shell_commands import HOME, READ_PATHS, RUNS, ShellUse, shell_uses
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.finding import WARNING, Finding
from mwaa_local.project import Project

MEANINGS = {
    "script-not-executable": "a task runs a script of the project as a program, and it is none on MWAA",
}
ANY_EXECUTE = 0o111  # bits of a file's mode
TEMPLATE_ENDINGS = (".sh", ".bash")  # BashOperator.template_ext
DBT = "dbt "
DBT_HINT = (
    "give --target-path and --log-path below /tmp, or set DBT_TARGET_PATH and DBT_LOG_PATH in the startup script, or "
    "copy the project to /tmp first"
)
_DBT_FILE = "dbt_project.yml"


def command_findings(fact: TaskFact, tasks: str, project: Project, places: TaskPlaces) -> Iterator[Finding]:
    """Yield what is wrong with a command; `tasks` names the tasks that have it."""
    given = dict(line.split("=", 1) for line in fact.detail.splitlines())
    cwd = given.pop("cwd", "")
    given.pop("home", "")
    uses = shell_uses(fact.what, cwd, given, lambda folder: _dbt_paths(project, folder))
    for use in dict.fromkeys(uses):
        is_script = use.kind == RUNS
        if is_script and not _is_not_executable(project, use.what):
            continue
        what, why, hint = _of_script(use, fact, tasks) if is_script else _of_writing(use, fact, tasks)
        rule = "script-not-executable" if is_script else write_below_dags.ID
        place = (fact.file, 0) if fact.file else (fact.path, places.line(fact.path, fact.line, fact.field))
        yield Finding(rule, WARNING, *place, what, why, hint)


def _of_writing(use: ShellUse, fact: TaskFact, tasks: str) -> tuple[str, str, str]:
    what = f"{use.what} in {fact.field} of {tasks} writes below the DAGs folder"
    if not use.what.startswith(DBT):
        return what, write_below_dags.WHY, write_below_dags.HINT
    why = (
        "dbt writes its artefacts and its log below the project's folder unless told otherwise. " + write_below_dags.WHY
    )
    return what, f"{why} Users also report that tasks may not write there at all: Permission denied.", DBT_HINT


def _of_script(use: ShellUse, fact: TaskFact, tasks: str) -> tuple[str, str, str]:
    command = f"bash {use.what}"
    if not fact.file and fact.what.rstrip().endswith(TEMPLATE_ENDINGS):
        ending = f".{fact.what.rstrip().rpartition('.')[2]}"
        command = f'"{command} ", with the blank at the end, as Airflow takes a text that ends in {ending} for a file'
    what = f"{tasks} runs {use.what}, which is not executable"
    path = use.what.removeprefix(f"{HOME}/")
    if path.startswith("dags/"):
        why = (
            "A bucket keeps no execute bits: MWAA's containers get the file without. The task fails: Permission denied."
        )
        return what, why, f"run it by its interpreter, as in {command}"
    why = "A file of plugins.zip has the execute bit that it has in the archive. The task fails: Permission denied."
    return what, why, f"chmod +x {path} before you make plugins.zip, or run it as {command}"


def _is_not_executable(project: Project, path: str) -> bool:
    """Whether MWAA has a file of the project without its execute bit; of files that are not there, nothing is known."""
    folder, _, rest = path.removeprefix(f"{HOME}/").partition("/")
    if folder not in ("dags", "plugins"):
        return False
    try:
        mode = (project.delivery.folders[folder] / rest).stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and (folder == "dags" or not mode & ANY_EXECUTE)


def _dbt_paths(project: Project, folder: str) -> Mapping[str, str]:
    """Return where dbt_project.yml in that folder, as a task sees it, has artefacts and log written to."""
    dags_dir = project.delivery.folders["dags"]
    path = dags_dir / folder.removeprefix(f"{HOME}/dags").lstrip("/") / _DBT_FILE
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {key: str(data[key]) for key in READ_PATHS if data.get(key)}
