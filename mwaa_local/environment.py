"""Environment: the MWAA environment that `mwaa.yaml` describes, and LocalSettings, which only this machine knows.

The file speaks the names of MWAA's CreateEnvironment, so that the output of `aws mwaa get-environment` pastes in. What
a member may hold is asked of MWAA's own service model; only rules that the model does not have are written here.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from pydantic.alias_generators import to_pascal
from pydantic_core import ErrorDetails

from mwaa_local.environment_class import DEFAULT_ENVIRONMENT_CLASS, ENVIRONMENT_CLASSES, MICRO, EnvironmentClass
from mwaa_local.environment_file import EnvironmentFile, invalid
from mwaa_local.errors import ReleaseUnknown
from mwaa_local.project import Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from mwaa_local.service_model import (
    Check,
    KeyPath,
    ServiceModel,
    Violation,
    closest_name,
    dotted,
    plain_name,
    shown,
    unknown_name,
)

_T = TypeVar("_T")

INPUT_SHAPE = "CreateEnvironmentInput"
OUTPUT_SHAPE = "Environment"  # of GetEnvironment's answer
WRAPPER = "Environment"  # `aws mwaa get-environment` puts the members under this name
RESPONSE_METADATA = "ResponseMetadata"  # boto3 puts this beside it
LOCAL = "Local"
OPTIONS = "AirflowConfigurationOptions"

DEFAULT_NAME = "local"
DERIVED_NAME_CHARACTERS = 64  # of the folder's name; well inside what the model allows

# MWAA user guide, "Configuring the Amazon MWAA environment class" and "Configuring automatic scaling".
DEFAULT_MIN_WORKERS = 1
DEFAULT_MAX_WORKERS = 10
DEFAULT_SCHEDULERS = 2  # also the least number, except where only one is possible
DEFAULT_WEBSERVERS = 2  # MWAA API, CreateEnvironment: the default of both MinWebservers and MaxWebservers
ONLY_ONE = 1  # of each component in mw1.micro, and of schedulers under Airflow 1
# Access by both ways came in May 2026 for this release and later (MWAA user guide, "Apache Airflow access modes").
PUBLIC_AND_PRIVATE = "PUBLIC_AND_PRIVATE"
PUBLIC_AND_PRIVATE_SINCE = "3.2.1"
COUNTS = ("Schedulers", "MinWorkers", "MaxWorkers", "MinWebservers", "MaxWebservers")


class RuntimeKind(enum.StrEnum):
    """What carries the plan out; auto takes Docker where it runs, else plain processes."""

    AUTO = "auto"
    PROCESS = "process"
    DOCKER = "docker"


class AwsMode(enum.StrEnum):
    """Which AWS credentials tasks get: none, or the caller's own AWS configuration."""

    NONE = "none"
    HOST = "host"


class Intervals(enum.StrEnum):
    """How soon Airflow looks for new and changed DAG files: within seconds, or as MWAA does."""

    FAST = "fast"
    MWAA = "mwaa"


class _Members(BaseModel):
    """Members by MWAA's names in files and by Python's in code; values never change and never show in errors."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_pascal, populate_by_name=True, extra="forbid", hide_input_in_errors=True
    )


class LocalSettings(_Members):
    """The `Local` section: what MWAA has no member for. Port 0 means a free one."""

    runtime: RuntimeKind = RuntimeKind.AUTO
    webserver_port: StrictInt = Field(default=8080, ge=0, le=65535)
    postgres_port: StrictInt = Field(default=0, ge=0, le=65535)
    broker_port: StrictInt = Field(default=0, ge=0, le=65535)
    workers: StrictInt | None = Field(default=None, ge=1)
    aws: AwsMode = AwsMode.NONE
    intervals: Intervals = Intervals.FAST


class ModuleLogging(_Members):
    """Whether one component's logs are kept, and from which level on."""

    enabled: bool = False
    log_level: str = "INFO"


class LoggingConfiguration(_Members):
    """Logs by component. Without any setting MWAA keeps task logs from INFO on (Terraform, `aws_mwaa_environment`)."""

    dag_processing_logs: ModuleLogging = ModuleLogging()
    scheduler_logs: ModuleLogging = ModuleLogging()
    webserver_logs: ModuleLogging = ModuleLogging()
    worker_logs: ModuleLogging = ModuleLogging()
    task_logs: ModuleLogging = ModuleLogging(enabled=True)


def _only_one(members: Mapping[str, Any]) -> bool:
    return members.get("environment_class") == MICRO


def _default_schedulers(members: Mapping[str, Any]) -> int:
    one = _only_one(members) or _is_airflow_1(members.get("airflow_version", DEFAULT_AIRFLOW_VERSION))
    return ONLY_ONE if one else DEFAULT_SCHEDULERS


def _default_max_workers(members: Mapping[str, Any]) -> int:
    return ONLY_ONE if _only_one(members) else DEFAULT_MAX_WORKERS


def _default_webservers(members: Mapping[str, Any]) -> int:
    return ONLY_ONE if _only_one(members) else DEFAULT_WEBSERVERS


def _is_airflow_1(airflow_version: str) -> bool:
    return airflow_version.startswith("1.")


class Environment(_Members):
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
    def load(cls, project: Project, model: ServiceModel | None = None) -> Environment:
        """Return the environment that the project's file describes; all defaults without a file or with an empty one.

        `model` is MWAA's service model; without it, that of the installed botocore, read only if there is a file.
        Raises EnvironmentFileInvalid, listing every problem at once with its line.
        """
        file = EnvironmentFile.read(project.environment_path)
        if file is None:
            return cls(name=name_from_folder(project.name))
        if file.data is None and not file.problems:
            return cls(name=name_from_folder(project.name))
        file, outside = _unwrap(file)
        model = model or ServiceModel.load()
        given = {name: value for name, value in file.data.items() if name != LOCAL}
        given, ignored = model.without_output_only(given, INPUT_SHAPE, OUTPUT_SHAPE)
        members = _as_written(_without_empty(given, model), model, file)
        local = file.data.get(LOCAL)
        found = [*outside, *_member_violations(members, Check(model, file.written)), *_local_violations(local, file)]
        problems = file.problems_with(found)
        if problems:
            raise invalid(file.path, problems)
        return cls._from_members(members, local or {}, tuple(ignored), project)

    @classmethod
    def _from_members(
        cls, members: Mapping[str, Any], local: Mapping[str, Any], ignored: tuple[str, ...], project: Project
    ) -> Environment:
        declared = {str(field.alias) for field in cls.model_fields.values()}
        return cls.model_validate(
            {
                "Name": name_from_folder(project.name),
                **{name: value for name, value in members.items() if name in declared},
                LOCAL: {name: value for name, value in local.items() if value is not None},
                "OtherMembers": {name: value for name, value in members.items() if name not in declared},
                "IgnoredMembers": ignored,
            }
        )

    @property
    def environment_class_facts(self) -> EnvironmentClass:
        return ENVIRONMENT_CLASSES[self.environment_class]

    @property
    def worker_count(self) -> int:
        """How many workers run on this machine. There is no autoscaling here."""
        return self.local.workers or self.min_workers


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
    for name in data.keys() - {WRAPPER, RESPONSE_METADATA}:
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


def _member_violations(members: Mapping[str, Any], check: Check) -> list[Violation]:
    """Return all rules broken by members of CreateEnvironment: the model's first, then those of MWAA's documentation.

    What the model requires at the top (roles, bucket, network) need not be there on this machine.
    """
    shapes = check.model.members(INPUT_SHAPE)
    found: list[Violation] = []
    for name, value in members.items():
        if name in shapes:
            found += [_with_option_fix(each, members) for each in check.violations(shapes[name], value, (name,))]
        else:
            found.append(_unknown_member(name, shapes))
    broken = {violation.path[0] for violation in found}
    found += _documented_rules(members, broken)
    options = members.get(OPTIONS)
    if isinstance(options, Mapping):
        bad_keys = {violation.path for violation in found if violation.about_key}
        found += _option_key_rules({key: value for key, value in options.items() if (OPTIONS, key) not in bad_keys})
    return found


def _unknown_member(name: str, shapes: Mapping[str, Any]) -> Violation:
    rule = "is not a member of MWAA's CreateEnvironment"
    local_names = [str(field.alias) for field in LocalSettings.model_fields.values()]
    if plain_name(name) in map(plain_name, local_names):
        return Violation((name,), rule, f"move it into the {LOCAL} section, as {closest_name(name, local_names)}")
    if "." in name:
        return Violation((name,), rule, f"indent it, so that it is inside {OPTIONS}")
    return unknown_name((name,), [*shapes, LOCAL], rule)


def _with_option_fix(violation: Violation, members: Mapping[str, Any]) -> Violation:
    """Return the violation with the fix that people need most when it is about an Airflow configuration option."""
    if violation.path[0] != OPTIONS or len(violation.path) == 1:
        return violation
    key = str(violation.path[1])
    if violation.about_key:
        meant = re.sub(r"^airflow\.", "", key.lower().replace("__", ".").replace("-", "_"))
        if re.fullmatch(r"[a-z]\w*\.\w+", meant, re.ASCII) and meant != key:
            return replace(violation, fix=f"write {meant}")
        return replace(
            violation, fix="write section.option in lower-case letters, digits and _, as in core.parallelism"
        )
    value = members[OPTIONS][key]
    if value is None:
        return replace(
            violation, fix=f"give {dotted((key,))} a value, in quotes if it starts with # or &, or remove the line"
        )
    if isinstance(value, Mapping):
        fix = (
            f"put the value of {key} in quotes" if "." in key else f"write {key}.option: value for each option in {key}"
        )
        return replace(violation, fix=fix)
    if isinstance(value, str) and value:
        return replace(
            violation, fix="use printable ASCII on one line (in JSON, \\u escapes stand for other characters)"
        )
    return violation


def _option_key_rules(options: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield options whose key is not exactly `section.option`.

    MWAA's pattern lets other keys through, and what it then makes of them is not documented.
    """
    for key, value in options.items():
        dots = key.count(".")
        if dots == 0 and not isinstance(value, Mapping):  # a nested section has been reported as no text
            rule, fix = (
                "has no section: MWAA's options are named section.option",
                f"write the section too, as in core.{key}",
            )
        elif dots > 1:
            rule = (
                f"has {dots} dots; an option is named section.option, and MWAA does not say what it makes of more dots"
            )
            fix = "keep the dot between section and option, and write _ for the others"
        else:
            continue
        yield Violation((OPTIONS, key), rule, fix, about_key=True)


def _documented_rules(members: Mapping[str, Any], broken: Set[str | int]) -> Iterator[Violation]:
    """Yield broken rules that MWAA documents without putting them into its model.

    A rule about a member that is `broken` already stays silent: nobody knows yet what is meant.
    """
    class_name = members.get("EnvironmentClass", DEFAULT_ENVIRONMENT_CLASS)
    class_known = "EnvironmentClass" not in broken and class_name in ENVIRONMENT_CLASSES
    if not class_known and "EnvironmentClass" not in broken:
        known = ", ".join(ENVIRONMENT_CLASSES)
        fix = f"write {closest_name(class_name, ENVIRONMENT_CLASSES) or f'one of {known}'}"
        yield Violation(("EnvironmentClass",), f"must be one of {known}, not {shown(class_name)}", fix)
    if not broken & {"AirflowVersion", "WebserverAccessMode"}:
        yield from _release_rules(members)
    sound = {name: members[name] for name in COUNTS if name in members and name not in broken}
    if class_known and class_name == MICRO:
        yield from _micro_rules(sound)
    elif class_known:
        if "AirflowVersion" not in broken:
            yield from _scheduler_rules(sound, members.get("AirflowVersion", DEFAULT_AIRFLOW_VERSION))
        if "MinWorkers" not in broken and "MaxWorkers" not in broken:
            yield from _order_rules(sound, "MinWorkers", "MaxWorkers", DEFAULT_MIN_WORKERS, DEFAULT_MAX_WORKERS)
        yield from _order_rules(sound, "MinWebservers", "MaxWebservers", None, None)


def _release_rules(members: Mapping[str, Any]) -> Iterator[Violation]:
    wants_both = members.get("WebserverAccessMode") == PUBLIC_AND_PRIVATE
    if "AirflowVersion" not in members and not wants_both:
        return
    try:
        release = Release.load(members.get("AirflowVersion", DEFAULT_AIRFLOW_VERSION))
    except ReleaseUnknown as error:
        yield Violation(("AirflowVersion",), f"{error.what}. {error.why}".removesuffix(". "), error.hint)
        return
    if wants_both and not release.is_at_least(PUBLIC_AND_PRIVATE_SINCE):
        rule = f"{PUBLIC_AND_PRIVATE} needs Airflow {PUBLIC_AND_PRIVATE_SINCE} or later, not {release.airflow_version}"
        fix = f"write PUBLIC_ONLY or PRIVATE_ONLY, or AirflowVersion: {DEFAULT_AIRFLOW_VERSION}"
        yield Violation(("WebserverAccessMode",), rule, fix)


def _micro_rules(members: Mapping[str, Any]) -> Iterator[Violation]:
    for name in COUNTS:
        if members.get(name, ONLY_ONE) != ONLY_ONE:
            rule = f"must be {ONLY_ONE} in {MICRO}, which has one of each component, not {members[name]}"
            yield Violation((name,), rule, f"remove {name}, or use EnvironmentClass: {DEFAULT_ENVIRONMENT_CLASS}")


def _scheduler_rules(members: Mapping[str, Any], airflow_version: str) -> Iterator[Violation]:
    schedulers = members.get("Schedulers")
    if schedulers is None:
        return
    if _is_airflow_1(airflow_version):
        if schedulers != ONLY_ONE:
            rule = f"must be {ONLY_ONE} under Airflow 1, not {schedulers}"
            yield Violation(("Schedulers",), rule, f"write Schedulers: {ONLY_ONE}")
    elif schedulers < DEFAULT_SCHEDULERS:
        rule = f"must be at least {DEFAULT_SCHEDULERS} in every class but {MICRO}, not {schedulers}"
        yield Violation(("Schedulers",), rule, f"write Schedulers: {DEFAULT_SCHEDULERS}")


def _order_rules(
    members: Mapping[str, Any], least: str, most: str, default_least: int | None, default_most: int | None
) -> Iterator[Violation]:
    if least not in members and most not in members:
        return
    low, high = members.get(least, default_least), members.get(most, default_most)
    if low is None or high is None or low <= high:
        return
    origin = "" if most in members else ", MWAA's default"
    rule = f"must not be more than {most} ({high}{origin}), but is {low}"
    yield Violation((least if least in members else most,), rule, f"write {most}: {low} or more, or lower {least}")


def _local_violations(local: Any, file: EnvironmentFile) -> Iterator[Violation]:
    """Yield what is wrong with the `Local` section. Its members without a value count as not given."""
    if local is None:
        return
    if not isinstance(local, Mapping):
        yield Violation((LOCAL,), "must be a mapping of names to values", f"write its members indented under {LOCAL}:")
        return
    names = [str(field.alias) for field in LocalSettings.model_fields.values()]
    for name in local.keys() - set(names):
        rule = f"is not a member of the {LOCAL} section"
        yield unknown_name((LOCAL, name), names, rule)
    try:
        LocalSettings.model_validate({name: local[name] for name in names if local.get(name) is not None})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield _local_violation((LOCAL, str(detail["loc"][0])), detail, file)


def _local_violation(path: KeyPath, detail: ErrorDetails, file: EnvironmentFile) -> Violation:
    value, context = detail["input"], detail.get("ctx", {})
    place = dotted(path)
    found = file.written.get(path) or shown(value)
    if detail["type"] == "enum":
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        meant = closest_name(str(value), allowed) or allowed[0]
        return Violation(path, f"must be one of {', '.join(allowed)}, not {found}", f"write {path[-1]}: {meant}")
    if detail["type"] in ("greater_than_equal", "less_than_equal"):
        limit = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return Violation(path, f"must be {limit}, not {found}", f"give {place} {limit}")
    digits = isinstance(value, str) and value.isdecimal()
    fix = f"take the quotes away: {path[-1]}: {int(value)}" if digits else f"give {place} a whole number"
    return Violation(path, f"must be a whole number, not {'the text ' if digits else ''}{found}", fix)
