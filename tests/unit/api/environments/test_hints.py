"""Hints for who called the API: nothing of `up`, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.hints import for_caller, in_folder
from mwaa_local.api.environments.record import Operation, Record

FOLDER = Path("/made/demo")
RECORD = Record("demo", records.BY_API, 0.0, {"SourceBucketArn": "arn:aws:s3:::my-bucket"})


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("mwaa-local up", ""),
        ("mwaa-local down, then mwaa-local up", ""),
        ("run `mwaa-local up` again: it picks another free port", ""),
        ("`mwaa-local up` cleans up and starts again", ""),
        ("remove /a/b and run `mwaa-local up` again", "remove /a/b"),
        (
            "correct the file and run `mwaa-local up` again; pip's output is in /log",
            "correct the file; pip's output is in /log",
        ),
        (
            "name another, and run `mwaa-local up` again; pip's output is in /log",
            "name another; pip's output is in /log",
        ),
        ("mwaa-local logs", f"mwaa-local logs --project {FOLDER}"),
        ("mwaa-local status", f"mwaa-local status --project {FOLDER}"),
        (
            "mwaa-local options --explain AIRFLOW__CORE__EXECUTOR",
            f"mwaa-local options --explain AIRFLOW__CORE__EXECUTOR --project {FOLDER}",
        ),
        ("mwaa-local fault clear", "mwaa-local fault clear"),
        ("upload it: aws s3 cp FILE s3://a/b", "upload it: aws s3 cp FILE s3://a/b"),
        ("", ""),
    ],
)
def test_up_is_no_command_for_an_environment_of_the_api(hint: str, expected: str) -> None:
    assert in_folder(hint, FOLDER) == expected
    assert in_folder(expected, FOLDER) == expected, "a hint may come by twice"


def test_folder_with_a_space_is_one_word_to_a_shell() -> None:
    assert in_folder("mwaa-local logs", Path("/my envs/demo")) == "mwaa-local logs --project '/my envs/demo'"


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        (records.CREATE, "aws mwaa delete-environment --name demo, then create it again"),
        (records.UPDATE, "then update it again"),
        (records.DELETE, "then delete it again"),
    ],
)
def test_what_comes_next_is_the_callers(kind: str, after: str) -> None:
    record = replace(RECORD, operation=Operation.new(kind, {}))
    assert for_caller("do this", FOLDER, record) == f"do this; {after}"
    assert for_caller("mwaa-local up", FOLDER, record) == after.removeprefix("then ")


def test_files_are_corrected_in_the_bucket() -> None:
    record = replace(RECORD, operation=Operation.new(records.UPDATE, {}))
    hint = for_caller("correct it", FOLDER, record, "startup/startup.sh failed")
    assert hint == "correct it; upload what you correct to s3://my-bucket; then update it again"
