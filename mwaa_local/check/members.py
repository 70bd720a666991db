"""Findings on members of `mwaa.yaml` that hold here, and that MWAA or AWS's tools would not take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mwaa_local.environment.file import EnvironmentFile
from mwaa_local.environment.service_model import KeyPath
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.masking import is_secret

S3_ADDRESS, NOT_TEXT = "s3-path-address", "value-not-text"
RULES = {
    S3_ADDRESS: "a path in the source bucket is given with the bucket: MWAA would look for a key of that name",
    NOT_TEXT: "a value without quotes that AWS's API takes as text only",
}
# Maps of text to text in CreateEnvironment (botocore, mwaa/2020-07-01: ConfigValue, TagValue).
TEXT_MAPS = ("AirflowConfigurationOptions", "Tags")
PATH_SUFFIX, SOURCE_BUCKET = "S3Path", "SourceBucketArn"
# The ways to write an object with its bucket; group 1 is the bucket, group 2 the key.
ADDRESSES = (
    re.compile(r"s3[an]?://([^/]+)/*(.*)", re.IGNORECASE),
    re.compile(r"arn:[a-z-]+:s3:[^:]*:[^:]*:([^/]+)/*(.*)"),
    re.compile(r"https?://([^./]+)\.s3[^/]*/*(.*)", re.IGNORECASE),
)
BOOLEANS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n"})  # YAML 1.1

LineOf = Callable[[KeyPath], int]


def member_findings(path: str, file: EnvironmentFile, line_of: LineOf) -> list[Finding]:
    """Return the findings; `file` is what was read of `path`, and `line_of` gives the line of a member."""
    found = [Finding(S3_ADDRESS, ERROR, path, line_of(place), *texts) for place, texts in _addresses(file.data)]
    for place, written in file.written.items():
        member = place[-2:]  # the whole answer of get-environment has them one level deeper
        if len(member) == len(("member", "key")) and member[0] in TEXT_MAPS:
            found.append(_not_text(path, line_of(member), str(member[1]), written))
    return found


def _addresses(data: Any) -> Iterator[tuple[KeyPath, tuple[str, str, str]]]:
    """Yield members that name an object with its bucket, each with what, why and hint."""
    strings = dict(_strings(data, ()))
    source = next((text.rpartition(":")[2] for place, text in strings.items() if place[-1] == SOURCE_BUCKET), "")
    for place, text in strings.items():
        name = str(place[-1])
        match = next(filter(None, (pattern.fullmatch(text) for pattern in ADDRESSES)), None)
        if match and name.endswith(PATH_SUFFIX):
            why = "MWAA takes the key in the source bucket, without the bucket's name."
            if source and match[1] != source:
                why += f" SourceBucketArn has another bucket, {source}."
            hint = f"write {name}: {match[2] or '…'}"
            yield place, (f"{name} is a whole address, not a path in the bucket", why, hint)


def _strings(value: Any, place: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text with its place, also those of teams."""
    if isinstance(value, str) and place:
        yield place, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _strings(item, (*place, name))


def _not_text(path: str, line: int, key: str, written: str) -> Finding:
    kind = "a Boolean" if written.lower() in BOOLEANS else "a number"
    what = f"{key} is {kind}, and AWS's API takes only text"
    why = "Here the text is taken as it is written; boto3 and the AWS CLI refuse the value."
    variable = "AIRFLOW__" + key.replace(".", "__").upper()
    hint = "put the value in quotes" if is_secret(variable, written) else f'write {key}: "{written}"'
    return Finding(NOT_TEXT, WARNING, path, line, what, why, hint)
