"""`mwaa.yaml` edited as text: what is meant changes, and nothing else."""

from __future__ import annotations

import pytest

from mwaa_local.upgrade.environment_edits import with_options

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
