"""What a project brings along from AWS's two local tools and what mwaa-local does not read: told, with where it goes.

Nothing is taken from these files: MWAA does not read them either. What has found its place is no longer told.
Sources: aws/aws-mwaa-local-runner, `docker/config/.env.localrunner`, `docker/docker-compose-local.yml`;
aws/amazon-mwaa-docker-images, `images/airflow/2.10.1/run.sh`, `docker-compose.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.finding import NOTE, WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE, settings_path

ELSEWHERE, NOT_READ = "requirements-elsewhere", "other-tool-variables"
RULES = {
    ELSEWHERE: "there is no requirements file, but a requirements.txt where mwaa-local does not look for one",
    NOT_READ: "a file of AWS's local tools sets variables that mwaa-local does not read",
}
# Older versions of aws-mwaa-local-runner had it in dags/. In the project's folder it may be for something else.
DAGS_REQUIREMENTS = "dags/requirements.txt"
REQUIREMENTS_PLACES = (DAGS_REQUIREMENTS, "requirements.txt")
# Files that set variables, and the word that shows whose they are; any file of the first name is.
VARIABLE_FILES = {
    "docker/config/.env.localrunner": "",
    "docker/docker-compose-local.yml": "mwaa-local",
    "run.sh": "MWAA__CORE__",
    "docker-compose.yaml": "mwaa-docker-images",
}
# Of the tools themselves: they say where its containers find each other, and are there in every copy.
OF_THE_TOOLS = re.compile(
    r"DEFAULT_PASSWORD|S3_(?:DAGS|PLUGINS|REQUIREMENTS)_PATH|LOAD_EX|EXECUTOR|POSTGRES_\w+|DB_\w+|PGDATA|AWS_(?:DEFAULT_)?REGION"
    r"|MWAA_\w+|ACCOUNT_ID|ENV_NAME|REGION|COMMAND|CONTAINER_RUNTIME|CACHE_DIR|KEY|FERNET_\w+|GENERATE_BILL_OF_MATERIALS"
)
CUSTOM_OPTIONS = "MWAA__CORE__CUSTOM_AIRFLOW_CONFIGS"  # JSON of Airflow configuration options
_SET = re.compile(r"^[ \t]*(?:export[ \t]+|-[ \t]+)?([A-Z][A-Z0-9_]*)[ \t]*[=:][ \t]*([^\n]*)$", re.MULTILINE)
_NOTHING = re.compile(r"[\"']*(?:\{\}|\$\{?\w+\}?)?[\"']*(?:[ \t]*#.*)?")  # empty, or only handed on
MAX_FILE_BYTES = 200_000
MAX_NAMES = 4  # of one kind that are shown


@dataclass(frozen=True)
class _Variable:
    name: str
    line: int


def requirements_elsewhere(project: Project) -> tuple[Finding, ...]:
    """Return findings on requirements files that are not where mwaa-local reads one; none if there is one to read."""
    if project.requirements_path.is_file():
        return ()
    return tuple(_elsewhere(project, name) for name in REQUIREMENTS_PLACES if (project.root_dir / name).is_file())


def _elsewhere(project: Project, name: str) -> Finding:
    shown = project.requirements_path.relative_to(project.root_dir).as_posix()
    severity = WARNING if name == DAGS_REQUIREMENTS else NOTE
    what = f"this file is not read: mwaa-local reads {shown}"
    why = "Its packages are neither checked nor installed here. On MWAA, RequirementsS3Path says where the file is."
    hint = (
        f"if it is the file that MWAA gets: write RequirementsS3Path: {name} into mwaa.yaml, "
        f"or mkdir -p requirements && mv {name} {shown}"
    )
    return Finding(ELSEWHERE, severity, name, 0, what, why, hint)


def variables_of_other_tools(project: Project, environment: Environment) -> Iterator[Finding]:
    """Yield a note for each file that sets variables which nobody reads here; names only, never values."""
    for name, word in VARIABLE_FILES.items():
        text = _text(project.root_dir / name)
        if not text or word not in text:
            continue
        left = [item for item in _variables(text) if not _has_its_place(item.name, project, environment)]
        if left:
            names = _some([item.name for item in left])
            hint = "\n".join(_places(left))
            what = f"mwaa-local does not read the variables of this file: {names}"
            why = "It belongs to AWS's local tools. MWAA does not read it either."
            yield Finding(NOT_READ, NOTE, name, left[0].line, what, why, hint)


def _variables(text: str) -> Iterator[_Variable]:
    seen: set[str] = set()
    for match in _SET.finditer(text):
        name, value = match.groups()
        is_own = OF_THE_TOOLS.fullmatch(name) is not None and name != CUSTOM_OPTIONS
        if name not in seen and not is_own and not _NOTHING.fullmatch(value.strip()):
            seen.add(name)
            yield _Variable(name, text.count("\n", 0, match.start(1)) + 1)


def _has_its_place(name: str, project: Project, environment: Environment) -> bool:
    """Whether the variable has been written to where mwaa-local reads it."""
    if name.startswith("AWS_"):
        return environment.local.aws is not AwsMode.NONE
    if option := _option(name):
        return option in environment.airflow_configuration_options
    if name == CUSTOM_OPTIONS:
        return bool(environment.airflow_configuration_options)
    files = (project.startup_script_path, settings_path(project))
    short = re.sub(r"^AIRFLOW_(?:VAR|CONN)_", "", name).lower()
    return any(re.search(rf"\b(?:{name}|{short})\b", _text(path), re.IGNORECASE) for path in files)


def _places(left: list[_Variable]) -> Iterator[str]:
    """Yield where each kind of variables goes, a line each."""
    names = [item.name for item in left]
    aws = [name for name in names if name.startswith("AWS_")]
    seeds = [name for name in names if name.startswith(("AIRFLOW_VAR_", "AIRFLOW_CONN_"))]
    options = [name for name in names if _option(name)]
    others = [name for name in names if name not in (*aws, *seeds, *options, CUSTOM_OPTIONS)]
    if aws:
        yield f"{_some(aws)}: leave them in your shell or ~/.aws, and write into mwaa.yaml: Local: {{Aws: host}}"
    if options:
        first = options[0]
        yield f'{_some(options)}: AirflowConfigurationOptions in mwaa.yaml, as {_option(first)}: "…"'
    if CUSTOM_OPTIONS in names:
        yield f"{CUSTOM_OPTIONS}: its entries are AirflowConfigurationOptions in mwaa.yaml"
    if seeds:
        yield f"{_some(seeds)}: {SETTINGS_FILE}, or export them in the startup script"
    if others:
        yield f"{_some(others)}: export them in startup/startup.sh, which MWAA runs too"


def _option(name: str) -> str:
    """Return `section.key` for a variable that sets an option of Airflow, else ""."""
    match = re.fullmatch(r"AIRFLOW__([A-Z0-9_]+?)__([A-Z0-9_]+)", name)
    return f"{match[1].lower()}.{match[2].lower()}" if match else ""


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # nobody's to read, or gone by now
        pass
    return ""
