"""Environment: the MWAA environment that `mwaa.yaml` describes.

The file speaks the names of MWAA's CreateEnvironment, so that the output of `aws mwaa get-environment` pastes in.
MWAA's own service model says what a member may hold; `rules` adds what that model lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import Field

from mwaa_local.environment.chosen_release import chosen_instead_of
from mwaa_local.environment.classes import (
    DEFAULT_ENVIRONMENT_CLASS,
    DEFAULT_MAX_WORKERS,
    DEFAULT_MIN_WORKERS,
    DEFAULT_SCHEDULERS,
    DEFAULT_WEBSERVERS,
    ENVIRONMENT_CLASSES,
    MICRO,
    ONLY_ONE,
    EnvironmentClass,
)
from mwaa_local.environment.file import EnvironmentFile, invalid
from mwaa_local.environment.local import LOCAL_MEMBERS, LocalSettings, local_violations, role_violations
from mwaa_local.environment.members import LOCAL, Members
from mwaa_local.environment.rules import INPUT_SHAPE, broken_rules, is_airflow_1
from mwaa_local.environment.service_model import Check, KeyPath, ServiceModel, Violation, dotted
from mwaa_local.errors import MembersInvalid
from mwaa_local.project import Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION

_T = TypeVar("_T")

OUTPUT_SHAPE = "Environment"  # of GetEnvironment's answer
AIRFLOW_VERSION = "AirflowVersion"
WRAPPER = "Environment"  # `aws mwaa get-environment` puts the members under this name
RESPONSE_METADATA = "ResponseMetadata"  # boto3 puts this beside it

PRIVATE_ACCESS = "PRIVATE_ONLY"  # of WebserverAccessMode
DEFAULT_NAME = "local"
NO_SETTINGS = LocalSettings()
DERIVED_NAME_CHARACTERS = 64  # of the folder's name; well inside what the model allows


class ModuleLogging(Members):
    """Whether one component's logs are kept, and from which level on."""

    enabled: bool = False
    log_level: str = "INFO"


class LoggingConfiguration(Members):
    """Logs by component. Without any setting MWAA keeps task logs from INFO on (Terraform, `aws_mwaa_environment`)."""

    dag_processing_logs: ModuleLogging = ModuleLogging()
    scheduler_logs: ModuleLogging = ModuleLogging()
    webserver_logs: ModuleLogging = ModuleLogging()
    worker_logs: ModuleLogging = ModuleLogging()
    task_logs: ModuleLogging = ModuleLogging(enabled=True)


def _only_one(members: Mapping[str, Any]) -> bool:
    return members.get("environment_class") == MICRO


def _default_schedulers(members: Mapping[str, Any]) -> int:
    one = _only_one(members) or is_airflow_1(members.get("airflow_version", DEFAULT_AIRFLOW_VERSION))
    return ONLY_ONE if one else DEFAULT_SCHEDULERS


def _default_max_workers(members: Mapping[str, Any]) -> int:
    return ONLY_ONE if _only_one(members) else DEFAULT_MAX_WORKERS


def _default_webservers(members: Mapping[str, Any]) -> int:
    return ONLY_ONE if _only_one(members) else DEFAULT_WEBSERVERS


class Environment(Members):
    """One MWAA environment. Members of CreateEnvironment that nothing here uses are in `other_members`, unchanged."""

    name: str = DEFAULT_NAME
    airflow_version: str = DEFAULT_AIRFLOW_VERSION
    environment_class: str = DEFAULT_ENVIRONMENT_CLASS
    # Kept out of repr(): option values are secret (the model marks them sensitive).
    airflow_configuration_options: Mapping[str, str] = Field(default_factory=dict, repr=False)
    min_workers: int = DEFAULT_MIN_WORKERS
    max_workers: int = Field(default_factory=_default_max_workers)
    schedulers: int = Field(default_factory=_default_schedulers)
    min_webservers: int = Field(default_factory=_default_webservers)
    max_webservers: int = Field(default_factory=_default_webservers)
    webserver_access_mode: str | None = None
    logging_configuration: LoggingConfiguration = LoggingConfiguration()
    execution_role_arn: str | None = None
    source_bucket_arn: str | None = None
    kms_key: str | None = None
    dag_s3_path: str | None = None
    plugins_s3_path: str | None = None
    plugins_s3_object_version: str | None = None
    requirements_s3_path: str | None = None
    requirements_s3_object_version: str | None = None
    startup_script_s3_path: str | None = None
    startup_script_s3_object_version: str | None = None
    tags: Mapping[str, str] = Field(default_factory=dict)
    local: LocalSettings = LocalSettings()
    other_members: Mapping[str, Any] = Field(default_factory=dict)
    ignored_members: tuple[str, ...] = ()  # dotted names of what the file had and only MWAA's answers have

    @classmethod
    def load(
        cls, project: Project, model: ServiceModel | None = None, *, airflow_version: str | None = None
    ) -> Environment:
        """Return the environment that the project's file describes; all defaults without a file or with an empty one.

        `model` is MWAA's service model; without it, that of the installed botocore, read only if there is a file.
        `airflow_version` takes the place of the file's, "" leaves it; None: where one runs, it is the one that runs.
        Raises EnvironmentFileInvalid, listing every problem at once with its line.
        """
        file = EnvironmentFile.read(project.environment_path)
        if file is None or (file.data is None and not file.problems):
            members: dict[str, Any] = {"name": name_from_folder(project.name)}
            if version := _version_of(project, {}, airflow_version):
                members["airflow_version"] = version
            return cls(**members)
        file, outside = _unwrap(file)
        model = model or ServiceModel.load()
        given = {name: value for name, value in file.data.items() if name != LOCAL}
        if version := _version_of(project, given, airflow_version):
            given[AIRFLOW_VERSION] = version
        given, ignored = model.without_output_only(given, INPUT_SHAPE, OUTPUT_SHAPE)
        members = _as_written(_without_empty(given, model), model, file)
        local = file.data.get(LOCAL)
        check = Check(model, file.written)
        found = [*outside, *broken_rules(members, check, LOCAL_MEMBERS), *local_violations(local, file)]
        found += role_violations(local, members)
        problems = file.problems_with(found)
        if problems:
            raise invalid(file.path, problems)
        chosen = LocalSettings.model_validate({key: value for key, value in (local or {}).items() if value is not None})
        return cls._of({"Name": name_from_folder(project.name), **members}, chosen, ignored)

    @classmethod
    def from_members(
        cls, members: Mapping[str, Any], local: LocalSettings = NO_SETTINGS, model: ServiceModel | None = None
    ) -> Environment:
        """Return the environment that members of CreateEnvironment describe, or those of GetEnvironment's answer.

        Raises MembersInvalid with the same rules as for a file, all at once.
        """
        model = model or ServiceModel.load()
        given, ignored = model.without_output_only(dict(members), INPUT_SHAPE, OUTPUT_SHAPE)
        given = _without_empty(given, model)
        if found := broken_rules(given, Check(model, {}), ()):
            count = "1 member breaks a rule" if len(found) == 1 else f"{len(found)} rules are broken"
            raise MembersInvalid(
                f"{count} of MWAA's CreateEnvironment",
                "\n".join(f"{dotted(item.path)}: {item.rule}" for item in found),
                "\n".join(dict.fromkeys(item.fix for item in found)),
            )
        return cls._of(given, local, ignored)

    def members(self) -> dict[str, Any]:
        """Return the members of CreateEnvironment, by MWAA's names, defaults included and `Local` left out.

        `from_members` makes the same environment of them, as far as MWAA has anything to do with it.
        """
        ours = {"local", "other_members", "ignored_members"}
        return {**self.model_dump(by_alias=True, exclude=ours, exclude_none=True), **self.other_members}

    def kept(self) -> dict[str, Any]:
        """Return plain values of all of it, `Local` included, for a private file of ours: options may be secret."""
        return {"members": self.members(), "local": self.local.model_dump(mode="json", by_alias=True)}

    @classmethod
    def from_kept(cls, plain: Mapping[str, Any]) -> Environment:
        """Return the environment that `kept` gave. Its rules were checked before; MWAA's model is not read for it."""
        return cls._of(plain["members"], LocalSettings.model_validate(plain["local"]), ())

    @classmethod
    def _of(cls, members: Mapping[str, Any], local: LocalSettings, ignored: Sequence[str]) -> Environment:
        declared = {str(field.alias) for field in cls.model_fields.values()}
        return cls.model_validate(
            {
                **{name: value for name, value in members.items() if name in declared},
                LOCAL: local,
                "OtherMembers": {name: value for name, value in members.items() if name not in declared},
                "IgnoredMembers": tuple(ignored),
            }
        )

    @property
    def environment_class_facts(self) -> EnvironmentClass:
        return ENVIRONMENT_CLASSES[self.environment_class]

    @property
    def names_release(self) -> bool:
        """Whether the environment file says which Airflow version it is; without that, MWAA takes its newest."""
        return "airflow_version" in self.model_fields_set

    @property
    def has_private_webserver(self) -> bool:
        return self.webserver_access_mode == PRIVATE_ACCESS

    @property
    def schedulers_here(self) -> int:
        """How many schedulers run on this machine; Airflow 1 has one alone."""
        return ONLY_ONE if is_airflow_1(self.airflow_version) else self.local.schedulers


def version_in_file(project: Project) -> str:
    """Return the Airflow version that the project's file names, or MWAA's newest. Raises EnvironmentFileInvalid."""
    file = EnvironmentFile.read(project.environment_path)
    members = _unwrap(file)[0].data if file is not None and file.data is not None else {}
    return _written_version(members)


def release_in_file(project: Project) -> str:
    """Return the same in words: a project need have no file, and a file need not name a release."""
    file = EnvironmentFile.read(project.environment_path)
    members = _unwrap(file)[0].data if file is not None and file.data is not None else {}
    words = " of mwaa.yaml" if members.get(AIRFLOW_VERSION) else " (MWAA's newest)"
    return _written_version(members) + words


def _written_version(members: Mapping[str, Any]) -> str:
    return str(members.get(AIRFLOW_VERSION) or DEFAULT_AIRFLOW_VERSION)


def _version_of(project: Project, given: Mapping[str, Any], named: str | None) -> str:
    """Return the Airflow version that is to take the place of the file's; "" for none."""
    return chosen_instead_of(project, _written_version(given)) if named is None else named


def name_from_folder(folder_name: str) -> str:
    """Return an environment name that MWAA would take, made from a folder's name: `3. My DAGs!` -> `My-DAGs`."""
    name = re.sub(r"[^0-9a-zA-Z_]+", "-", folder_name)
    return re.sub(r"^[^a-zA-Z]+", "", name)[:DERIVED_NAME_CHARACTERS].rstrip("-") or DEFAULT_NAME


def _unwrap(file: EnvironmentFile) -> tuple[EnvironmentFile, list[Violation]]:
    """Return the file as if its members had been at the top, and what is wrong around them.

    The whole answer of get-environment has them under `Environment`; `Local` may be inside or beside that.
    """
    data = _mapping_or_raise(file, file.data, ())
    if WRAPPER not in data:
        return replace(file, data={name: value for name, value in data.items() if name != RESPONSE_METADATA}), []
    inner = dict(_mapping_or_raise(file, data[WRAPPER], (WRAPPER,)))
    found = []
    for name in data:
        if name in (WRAPPER, RESPONSE_METADATA):
            continue
        if name != LOCAL:
            found.append(Violation((name,), f"is outside of {WRAPPER}", f"indent it, so that it is inside {WRAPPER}"))
        elif LOCAL in inner:
            found.append(Violation((name,), f"is given inside of {WRAPPER} and beside it", f"keep one {LOCAL} section"))
        else:
            inner[LOCAL] = data[LOCAL]
    problems = [replace(problem, path=_without_wrapper(problem.path)) for problem in file.problems]
    lifted = replace(file, data=inner, lines=_lifted(file.lines), written=_lifted(file.written), problems=problems)
    return lifted, found


def _lifted(by_path: Mapping[KeyPath, _T]) -> dict[KeyPath, _T]:
    # Where a name stands both inside and beside, the one beside is refused, so messages need its line.
    inside_first = sorted(by_path, key=lambda path: path[:1] != (WRAPPER,))
    return {_without_wrapper(path): by_path[path] for path in inside_first}


def _without_wrapper(path: KeyPath) -> KeyPath:
    return path[1:] if path[:1] == (WRAPPER,) else path


def _mapping_or_raise(file: EnvironmentFile, data: Any, path: KeyPath) -> Mapping[str, Any]:
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return data
    rule = "must be a mapping of names to values" + (", not a list" if isinstance(data, list) else "")
    fix = 'write each member as `Name: value`, for example: AirflowVersion: "3.3.1"'
    raise invalid(file.path, file.problems_with([Violation(path, rule, fix)]))


def _without_empty(members: Mapping[str, Any], model: ServiceModel) -> dict[str, Any]:
    """Return the members without sections that hold nothing: all lines commented out, or `"Tags": {}` from MWAA."""
    shapes = model.members(INPUT_SHAPE)
    sections = {name for name, shape in shapes.items() if model.shapes[shape]["type"] in ("map", "structure")}
    return {name: value for name, value in members.items() if name not in sections or value not in (None, {})}


def _as_written(members: Mapping[str, Any], model: ServiceModel, file: EnvironmentFile) -> dict[str, Any]:
    """Return the members with the text of each value that MWAA wants as a string in a map of strings.

    MWAA's API takes no other type there; a person writes `True`, `1e3` and `010` without quotes and means the text.
    """
    shapes = model.members(INPUT_SHAPE)
    result = dict(members)
    for name, value in members.items():
        shape = model.shapes[shapes[name]] if name in shapes else {}
        if shape.get("type") == "map" and isinstance(value, Mapping):
            strings = model.shapes[shape["value"]["shape"]]["type"] == "string"
            result[name] = {
                key: file.written.get((name, key), item) if strings else item for key, item in value.items()
            }
    return result
