"""`mwaa.yaml` edited as text: what is meant changes, and nothing else."""

from __future__ import annotations

import pytest

from mwaa_local.upgrade.environment_edits import with_options, with_version


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('AirflowVersion: "2.10.3"  # ours\n', 'AirflowVersion: "3.3.1"  # ours\n'),
        ("AirflowVersion: 2.10.3\nName: a\n", 'AirflowVersion: "3.3.1"\nName: a\n'),
        ("# AirflowVersion: 2.10.3\nAirflowVersion: '2.2.2'\n", '# AirflowVersion: 2.10.3\nAirflowVersion: "3.3.1"\n'),
        ('{"Name": "a", "AirflowVersion": "2.10.3"}', '{"Name": "a", "AirflowVersion": "3.3.1"}'),
        (
            "Environment:\n  AirflowVersion: 2.10.3\n  Name: a\n",
            'Environment:\n  AirflowVersion: "3.3.1"\n  Name: a\n',
        ),
        ("Name: a\n", 'Name: a\nAirflowVersion: "3.3.1"\n'),
        ("Tags:\n  a: b", 'Tags:\n  a: b\nAirflowVersion: "3.3.1"\n'),
        ("", 'AirflowVersion: "3.3.1"\n'),
        ("# only a comment\n", '# only a comment\nAirflowVersion: "3.3.1"\n'),
        ('AirflowVersion: "2.10.3"\r\nName: a\r\n', 'AirflowVersion: "3.3.1"\r\nName: a\r\n'),
    ],
)
def test_version_is_written_where_it_stands_or_at_the_end(before: str, after: str) -> None:
    assert with_version(before, "3.3.1") == after


@pytest.mark.parametrize("text", ["Environment:\n  Name: a\n", "Name: [", "- a\n", "Name: {a: b}\n---\nName: c\n"])
def test_what_cannot_be_edited_stays(text: str) -> None:
    assert with_version(text, "3.3.1") == text


OPTIONS = "AirflowConfigurationOptions:\n  a.old: '1'  # why\n  b.kept: 'a.old: 2'\n"


def test_option_gets_its_new_name_and_keeps_value_and_comment() -> None:
    assert with_options(OPTIONS, {"a.old": "a.new"}) == OPTIONS.replace("a.old: '1'", "a.new: '1'")


def test_option_without_successor_goes_with_its_line() -> None:
    assert with_options(OPTIONS, {"a.old": ""}) == "AirflowConfigurationOptions:\n  b.kept: 'a.old: 2'\n"


def test_last_option_leaves_an_empty_section() -> None:
    assert (
        with_options("AirflowConfigurationOptions:\n  a.old: '1'\n", {"a.old": ""}) == "AirflowConfigurationOptions:\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "AirflowConfigurationOptions: {a.old: '1', b.kept: '2'}\n",  # a removed line would take all with it
        "AirflowConfigurationOptions:\n  a.old: >\n    1\n    2\n",
        "AirflowConfigurationOptions:\n  a.old: '1'\n  a.new: '2'\n",
        "Tags:\n  a.old: '1'\n",
    ],
)
def test_option_that_cannot_be_edited_stays(text: str) -> None:
    assert with_options(text, {"a.old": "" if "a.new" not in text else "a.new"}) == text
