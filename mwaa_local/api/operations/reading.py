"""GetEnvironment, ListEnvironments, and tags."""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from mwaa_local.api.face import Face, ServedEnvironment
from mwaa_local.api.http.call import Call
from mwaa_local.api.http.errors import NOT_FOUND, VALIDATION, ServiceError, ours
from mwaa_local.configuration.local_values import QUEUE_NAME
from mwaa_local.configuration.log_groups import SOURCES

PAGE_ENVIRONMENTS = 25  # the most that MWAA's model allows; how many it gives where nobody asks is not documented
MAX_TAGS = 50  # of one environment (MWAA API, "TagResource")
LOGGING = "LoggingConfiguration"
# Member of LoggingConfiguration -> end of its group's name: "TaskLogs" -> "Task".
LOG_GROUPS = {member.title().replace("_", ""): group for group, member in SOURCES.values()}


def get_environment(call: Call, face: Face) -> dict[str, Any]:
    """Return the members that MWAA answers with. What nothing here has, such as a queue of SQS, is not among them."""
    environment = face.registry.find(call.members["Name"])
    return {"Environment": described(environment, face)}


def described(environment: ServedEnvironment, face: Face) -> dict[str, Any]:
    """Return an environment as GetEnvironment's answer has it."""
    name, members = environment.name, environment.members
    return {
        **members,
        **environment.answered(face.region),
        "Name": name,
        "Arn": face.arn(name),
        "Status": environment.status,
        "CreatedAt": environment.created_at,
        "LastUpdate": environment.last_update,
        LOGGING: _with_groups(members.get(LOGGING, {}), name, face),
        "CeleryExecutorQueue": f"arn:{face.partition}:sqs:{face.region}:{face.account_id}:{QUEUE_NAME}",
        "Tags": dict(environment.tags) or None,
        # A bare name, as AWS's samples have it, though the model wants https:// before it.
        "WebserverUrl": environment.door.host if environment.door else None,
    }


def list_environments(call: Call, face: Face) -> dict[str, Any]:
    """Return one page of names, in their order. Names that come or go between pages shift no others."""
    names = sorted(face.registry.names())
    after = _name_in(call.members["NextToken"]) if call.members.get("NextToken") else ""
    rest = names[bisect_right(names, after) :]
    page = rest[: call.members.get("MaxResults", PAGE_ENVIRONMENTS)]
    return {"Environments": page, "NextToken": _token_after(page[-1]) if len(page) < len(rest) else None}


def list_tags_for_resource(call: Call, face: Face) -> dict[str, Any]:
    return {"Tags": dict(_environment_of(call, face).tags)}


def tag_resource(call: Call, face: Face) -> dict[str, Any]:
    environment, tags = _environment_of(call, face), call.members["Tags"]
    if (count := len({**environment.tags, **tags})) > MAX_TAGS:
        raise ours(VALIDATION, f"an environment has at most {MAX_TAGS} tags; with these it would have {count}")
    environment.set_tags(tags)
    return {}


def untag_resource(call: Call, face: Face) -> dict[str, Any]:
    _environment_of(call, face).remove_tags(call.members["tagKeys"])
    return {}


def _environment_of(call: Call, face: Face) -> ServedEnvironment:
    arn = call.members["ResourceArn"]
    name = arn.rpartition("/")[2]
    if arn != face.arn(name):
        raise ours(NOT_FOUND, f"there is no resource {arn} here; ARNs here begin with {face.arn('')}")
    return face.registry.find(name)


def _with_groups(logging: Mapping[str, Any], name: str, face: Face) -> dict[str, Any]:
    """Return LoggingConfiguration with the log group of each part that is enabled."""
    arn = f"arn:{face.partition}:logs:{face.region}:{face.account_id}:log-group:airflow-{name}"
    return {
        part: {**values, "CloudWatchLogGroupArn": f"{arn}-{LOG_GROUPS[part]}:*" if values.get("Enabled") else None}
        for part, values in logging.items()
    }


def _token_after(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _name_in(token: str) -> str:
    try:
        name = base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise _wrong_token() from error
    if not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise _wrong_token()
    return name


def _wrong_token() -> ServiceError:
    return ours(VALIDATION, "NextToken is none that ListEnvironments gave")
