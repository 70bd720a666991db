"""LocalSettings: the `Local` section of `mwaa.yaml`, which only this machine knows, and what can be wrong with it."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, StrictBool, StrictInt, StringConstraints, Tag, ValidationError
from pydantic_core import ErrorDetails

from mwaa_local.environment.file import EnvironmentFile
from mwaa_local.environment.kinds import AwsMode, Intervals, LoginMode, RuntimeKind
from mwaa_local.environment.members import LOCAL, Members
from mwaa_local.environment.service_model import KeyPath, Violation, closest_name, dotted, shown, unknown_name

SYNC_SECONDS = 30  # after which DAGs of the source bucket are there (MWAA user guide, "Adding or updating DAGs")
# They become words of a command and of a Dockerfile, so neither may hold anything but what such names have.
SystemPackage = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9+.:=~_-]*$")]
ImageName = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][A-Za-z0-9./:@_-]*$")]
# As a browser sends it in the Host header, without a port: a name, or an address of either kind. In small letters, as
# all compare them (RFC 9110, section 4.2.3: case does not matter).
_NAME_PATTERN = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_IPV6_PATTERN = r"[0-9A-Fa-f]*(:[0-9A-Fa-f.]*){2,}"
HostName = Annotated[str, StringConstraints(strict=True, to_lower=True, pattern=f"^({_NAME_PATTERN}|{_IPV6_PATTERN})$")]
# As `aws configure --profile` takes it: no brackets and quotes, which end a section's name.
ProfileName = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\[\]\s'\"][^\[\]\n'\"]*$")]
# Without user, path and query: AWS's clients put their own path after it.
EmulatorUrl = Annotated[
    str, StringConstraints(strict=True, pattern=rf"^https?://({_NAME_PATTERN}|\[{_IPV6_PATTERN}\])(:[0-9]{{1,5}})?/?$")
]


def _kind_of_aws(value: Any) -> str:
    return "url" if isinstance(value, str) and not isinstance(value, AwsMode) and "/" in value else "word"


class LocalSettings(Members):
    """The `Local` section: what MWAA has no member for. Port 0 means a free one."""

    runtime: RuntimeKind = RuntimeKind.AUTO
    webserver_port: StrictInt = Field(default=8080, ge=0, le=65535)
    webserver_names: tuple[HostName, ...] = ()
    postgres_port: StrictInt = Field(default=0, ge=0, le=65535)
    broker_port: StrictInt = Field(default=0, ge=0, le=65535)
    aws_port: StrictInt = Field(default=0, ge=0, le=65535)
    metrics_port: StrictInt = Field(default=0, ge=0, le=65535)
    iam_port: StrictInt = Field(default=0, ge=0, le=65535)
    api_port: StrictInt = Field(default=0, ge=0, le=65535)
    workers: StrictInt | None = Field(default=None, ge=1)
    max_workers: StrictInt | None = Field(default=None, ge=1)
    schedulers: StrictInt = Field(default=1, ge=1, le=5)  # the most of MWAA's (API, CreateEnvironment)
    aws: Annotated[
        Annotated[AwsMode, Tag("word")] | Annotated[EmulatorUrl, Tag("url")], Discriminator(_kind_of_aws)
    ] = AwsMode.NONE
    aws_profile: ProfileName | None = None
    enforce_iam: StrictBool = False
    intervals: Intervals = Intervals.FAST
    login: LoginMode = LoginMode.OPEN
    https: StrictBool = False
    sync_seconds: StrictInt = Field(default=SYNC_SECONDS, ge=1, le=3600)
    dags_writable: StrictBool = True
    # Of the Docker runtime alone.
    enforce_class: StrictBool = False
    system_packages: tuple[SystemPackage, ...] = ()
    base_image: ImageName | None = None

    @property
    def read_only_folders(self) -> frozenset[str]:
        """The folders below MWAA's home that components may not write to."""
        return frozenset() if self.dags_writable else frozenset({"dags"})


WEBSERVER_NAMES = "WebserverNames"
AWS = "Aws"
ENFORCE_IAM, EXECUTION_ROLE = "EnforceIam", "ExecutionRoleArn"
_LIST_EXAMPLES = {"SystemPackages": "default-jre-headless", WEBSERVER_NAMES: "my-machine.example.com"}
LOCAL_MEMBERS = tuple(str(field.alias) for field in LocalSettings.model_fields.values())


def local_violations(local: Any, file: EnvironmentFile) -> Iterator[Violation]:
    """Yield what is wrong with the `Local` section. Its members without a value count as not given."""
    if local is None:
        return
    if not isinstance(local, Mapping):
        yield Violation((LOCAL,), "must be a mapping of names to values", f"write its members indented under {LOCAL}:")
        return
    for name in [name for name in local if name not in LOCAL_MEMBERS]:
        rule = f"is not a member of the {LOCAL} section"
        yield unknown_name((LOCAL, name), LOCAL_MEMBERS, rule)
    try:
        LocalSettings.model_validate({name: local[name] for name in LOCAL_MEMBERS if local.get(name) is not None})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield _local_violation((LOCAL, str(detail["loc"][0])), detail, file)


def role_violations(local: Any, members: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield what `EnforceIam` lacks: the AWS that can refuse, and the role whose policies count."""
    if not isinstance(local, Mapping) or local.get(ENFORCE_IAM) is not True:
        return
    choice = local.get(AWS)
    if isinstance(choice, str) and choice not in [*AwsMode] and _kind_of_aws(choice) == "word":
        return  # the word is wrong, and is told of
    if choice != AwsMode.LOCAL:
        rule = "has an effect with Aws: local alone, since no other AWS is told what to refuse"
        yield Violation((LOCAL, ENFORCE_IAM), rule, f"write {AWS}: {AwsMode.LOCAL} beside it, or remove it")
    elif not members.get(EXECUTION_ROLE):
        fix = f"write {EXECUTION_ROLE}: arn:aws:iam::123456789012:role/NAME, and make that role in the local AWS"
        yield Violation((LOCAL, ENFORCE_IAM), f"needs {EXECUTION_ROLE}, whose policies say what is granted", fix)


def _words_of(alias: str | int) -> list[str]:
    """Return what may be written for a member of `Local` that takes one of a few words."""
    if alias == AWS:
        return [*AwsMode, "the URL of an emulator"]
    kind = next(field.annotation for field in LocalSettings.model_fields.values() if field.alias == alias)
    assert isinstance(kind, type)
    assert issubclass(kind, enum.StrEnum)
    return [str(word) for word in kind]


def _local_violation(path: KeyPath, detail: ErrorDetails, file: EnvironmentFile) -> Violation:
    value, context = detail["input"], detail.get("ctx", {})
    place = dotted(path)
    found = file.written.get(path) or shown(value)
    if detail["type"] == "enum":
        allowed = _words_of(path[-1])
        meant = closest_name(str(value), allowed) or allowed[0]
        return Violation(path, f"must be one of {', '.join(allowed)}, not {found}", f"write {path[-1]}: {meant}")
    if detail["type"] in ("greater_than_equal", "less_than_equal"):
        limit = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return Violation(path, f"must be {limit}, not {found}", f"give {place} {limit}")
    if detail["type"] in ("bool_type", "bool_parsing"):
        return Violation(path, f"must be true or false, not {found}", f"write {path[-1]}: true")
    if detail["type"] in ("tuple_type", "list_type"):
        return Violation(path, f"must be a list, not {found}", f"write {path[-1]}: [{_LIST_EXAMPLES[str(path[-1])]}]")
    if detail["type"] in ("string_type", "string_pattern_mismatch"):
        if path[-1] == AWS:
            fix = f"give {place} the address of an emulator alone, without path and user: http://localhost:4566"
            return Violation(path, f"cannot be {shown(value)}", fix)
        if path[-1] == WEBSERVER_NAMES:
            fix = f"give {place} names or addresses alone, without http://, port and path"
            return Violation(path, f"cannot hold {shown(value)}", fix)
        return Violation(path, f"cannot be {shown(value)}", f"give {place} a plain name, without blanks or quotes")
    digits = isinstance(value, str) and value.isdecimal()
    fix = f"take the quotes away: {path[-1]}: {int(value)}" if digits else f"give {place} a whole number"
    return Violation(path, f"must be a whole number, not {'the text ' if digits else ''}{found}", fix)
