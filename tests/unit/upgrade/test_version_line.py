"""One value of an environment file changes, and every other character stays."""

from __future__ import annotations

import pytest

from mwaa_local.errors import EnvironmentFileInvalid
from mwaa_local.upgrade.version_line import with_version

PLACES = {
    "no file": (None, 'AirflowVersion: "3.3.1"\n'),
    "an empty file": ("", 'AirflowVersion: "3.3.1"\n'),
    "comments alone, the last line without an end": ("# mine", '# mine\nAirflowVersion: "3.3.1"\n'),
    "other members": ("Name: a\nTags: {b: c}\n", 'AirflowVersion: "3.3.1"\nName: a\nTags: {b: c}\n'),
    "indented members": ("---\n# c\n  Name: a\n  B: b\n", '---\n# c\n  AirflowVersion: "3.3.1"\n  Name: a\n  B: b\n'),
    "a comment behind it": ("AirflowVersion: 2.7.2   # mine\n", 'AirflowVersion: "3.3.1"   # mine\n'),
    "no end of the last line": ('Name: a\nAirflowVersion: "2.7.2"', 'Name: a\nAirflowVersion: "3.3.1"'),
    "lines of Windows": ("Name: a\r\nAirflowVersion: '2.7.2'\r\n", 'Name: a\r\nAirflowVersion: "3.3.1"\r\n'),
    "a byte order mark": ("\ufeffAirflowVersion: 2.7.2\n", '\ufeffAirflowVersion: "3.3.1"\n'),
    "characters of several bytes before it": (
        "Name: é😀 # 😀\nAirflowVersion: 2.7.2\n",
        'Name: é😀 # 😀\nAirflowVersion: "3.3.1"\n',
    ),
    "a number": ("AirflowVersion: 2.10\nName: a\n", 'AirflowVersion: "3.3.1"\nName: a\n'),
    "JSON": ('{"Name": "a", "AirflowVersion": "2.7.2"}', '{"Name": "a", "AirflowVersion": "3.3.1"}'),
    "JSON without it": ('{"Name": "a"}', '{"AirflowVersion": "3.3.1", "Name": "a"}'),
    "empty JSON": ("{}", '{"AirflowVersion": "3.3.1"}'),
    "as get-environment prints it": (
        '{"Environment": {"Name": "a"}}',
        '{"Environment": {"AirflowVersion": "3.3.1", "Name": "a"}}',
    ),
    "a key in quotes": ('"AirflowVersion": 2.7.2\n', '"AirflowVersion": "3.3.1"\n'),
}


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES.keys())
def test_only_the_version_changes(before: str | None, after: str) -> None:
    content = None if before is None else before.encode()
    assert with_version(content, "3.3.1") == after.encode()


def test_the_way_back_gives_the_value_of_before() -> None:
    content = b'# mine\nAirflowVersion: "2.7.2"  # why\nName: a\n'
    assert with_version(with_version(content, "3.3.1"), "2.7.2") == content


@pytest.mark.parametrize(
    "text",
    [
        'Tags: {a: &v "2.7.2"}\nAirflowVersion: *v\n',
        "AirflowVersion: &v 2.7.2\nTags: {a: *v}\n",
        "AirflowVersion: >-\n  2.7.2\nName: a\n",
    ],
    ids=["refers to another value", "is referred to", "several lines"],
)
def test_value_that_is_more_than_a_value_is_left_to_its_user(text: str) -> None:
    with pytest.raises(EnvironmentFileInvalid, match="cannot change AirflowVersion"):
        with_version(text.encode(), "3.3.1")
