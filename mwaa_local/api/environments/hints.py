"""What a user of the API can do about a failure.

Errors are written for who runs `mwaa-local up` in a project. Who calls the API has no such command for an environment
that it made: its members come from calls, its files from a bucket, and its folder is not the one they stand in.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Record

# Parts of a hint that lead to `up` or `down`, with the words that join them to the others.
WORDS_BETWEEN = r"(?:(?:,? and|, then|,? or|[,;])\s+)?"
UP_OR_DOWN = re.compile(rf"{WORDS_BETWEEN}(?:run )?`?mwaa-local (?:up|down)\b[^;,]*")
STILL_UP = re.compile(r"; the other components are still up.*")
# Once only: a hint may come by here a second time.
OF_A_PROJECT = re.compile(
    r"mwaa-local (?:logs|options|status|reset-db)\b(?: (?!--project)-{0,2}[\w.-]+)*+(?! --project)"
)
AGAIN = {
    records.CREATE: "aws mwaa delete-environment --name {name}, then create it again",
    records.UPDATE: "then update it again",
    records.DELETE: "then delete it again",
}
UPLOAD = "upload what you correct to s3://{bucket}"
FROM_BUCKET = re.compile(r"\b(?:requirements|startup|plugins|dags)/")
BUCKET_MEMBER = "SourceBucketArn"


def in_folder(hint: str, folder: Path) -> str:
    """Return a hint without `up` and `down`, and with the folder in which other commands find the environment."""
    hint = UP_OR_DOWN.sub("", STILL_UP.sub("", hint)).strip(" ,;")
    return OF_A_PROJECT.sub(lambda found: f"{found[0]} --project {shlex.quote(str(folder))}", hint)


def for_caller(hint: str, folder: Path, record: Record, about: str = "") -> str:
    """Return a hint on an operation that failed, with what the caller does then; `about` says what failed."""
    parts = [in_folder(hint, folder)]
    bucket = str(record.members.get(BUCKET_MEMBER) or "").rpartition(":")[2]
    if bucket and FROM_BUCKET.search(about):
        parts.append(UPLOAD.format(bucket=bucket))
    if record.operation is not None and record.operation.kind in AGAIN:
        parts.append(AGAIN[record.operation.kind].format(name=record.name))
    return "; ".join(filter(None, parts)).removeprefix("then ")
