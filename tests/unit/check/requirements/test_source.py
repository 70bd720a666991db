"""A requirements file taken apart: where its pins come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.requirements.source import Pin, Source, take_apart
from mwaa_local.project import Project
from mwaa_local.release import PinFile, Release

URL = "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-{}.txt"


def taken_apart(folder: Path, text: str) -> Source:
    path = folder / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text(text)
    return take_apart(Project(folder), path, Release.load("2.10.3"), folder / "work", {})


@pytest.mark.parametrize("version", ["2.8.1", "2.10.3"])
def test_constraints_of_any_release_come_from_the_catalogue(tmp_path: Path, version: str) -> None:
    source = taken_apart(tmp_path, f"-c {URL.format(version, '3.11')}\nboto3\n")
    origin = f"the constraints of Airflow {version}"
    pins = dict(PinFile(Release.load(version).constraints_path))
    essential = Release.load("2.10.3").essential_constraints
    assert {Pin(name, f"{name}=={pin}", origin) for name, pin in pins.items() if essential.get(name) != pin} == {
        pin for pin in source.pins if pin.origin == origin
    }
    assert source.options == ()  # nothing is left for uv to fetch


def test_last_index_that_is_named_counts_as_for_pip(tmp_path: Path) -> None:
    source = taken_apart(tmp_path, "--index-url https://a/simple\n-i https://b/simple --extra-index-url https://c\n")
    assert (source.index_url, source.options) == ("https://b/simple", ("--extra-index-url https://c",))


def test_constraints_that_the_catalogue_lacks_are_left_to_the_network(tmp_path: Path) -> None:
    url = URL.format("2.8.4", "3.11")
    source = taken_apart(tmp_path, f"-c {url}\nboto3\n")
    assert source.options == (f"-c {url}",)
    assert not any("2.8" in pin.origin for pin in source.pins)


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("--find-links /usr/local/airflow/plugins", ()),
        ("--find-links wheels --no-index", ("--no-index",)),
        ("-f https://example.org/wheels", ("-f https://example.org/wheels",)),
    ],
)
def test_place_for_packages_that_is_not_there_is_passed_over_as_by_pip(
    tmp_path: Path, line: str, options: tuple[str, ...]
) -> None:
    found = taken_apart(tmp_path, f"{line}\nboto3\n").options
    assert tuple(text for text in found if not text.endswith("/image")) == options


def test_line_that_only_an_unknown_variable_makes_right_is_not_handed_to_uv(tmp_path: Path) -> None:
    source = taken_apart(
        tmp_path, "boto3\npyjokes==${NOT_SET}\n--extra-index-url https://${NOT_SET}@example.org/simple\n"
    )
    assert [line.name for line in source.packages] == ["boto3"]
    assert source.options == ("--extra-index-url https://${NOT_SET}@example.org/simple",)
