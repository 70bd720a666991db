"""What the requirements check says of a file is what the real pip does with it, for every release of MWAA.

A sample by default; all files with MWAA_LOCAL_TEST_AGREEMENT=all. A difference is tolerated where the file's
`disagreement` says why, and only as long as there is one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.check.requirements.verdict import Checked, Conflict, PackageChange, Unchecked, Verdict, Works
from mwaa_local.finding import ERROR, Finding
from mwaa_local.release import Release
from tests.agreement.comparison import (
    AIRFLOW_VERSIONS,
    REFUSED,
    UNKNOWN,
    WORKS,
    Answer,
    Pip,
    RequirementsFile,
    answer_of,
    ask_check,
    ask_pip,
    can_compare,
    comparable,
    difference,
    load,
    open_pip,
    write_project,
)
from tests.agreement.index import index_of_one_day
from tests.agreement.settings import all_are_chosen, cache_dir, caller_env, pages_dir

# One of each generation of MWAA's images has files of every kind; a few of them, quick ones, are the sample.
MAIN_RELEASES = ("3.3.1", "2.10.3", "2.2.2")
FILES_AT_LEAST = dict.fromkeys(AIRFLOW_VERSIONS, 10) | dict.fromkeys(MAIN_RELEASES, 90)
SAMPLE = dict.fromkeys(AIRFLOW_VERSIONS, 0) | dict.fromkeys(MAIN_RELEASES, 4)
FILES = tuple(file for version in AIRFLOW_VERSIONS for file in load(version))
CHOSEN = tuple(file for file in FILES if file.is_sample or all_are_chosen(os.environ))


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    """The caller's environment with the index of one day."""
    with index_of_one_day(caller_env(os.environ), pages_dir(os.environ)) as env:
        yield env


@pytest.fixture(scope="module")
def pips(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> dict[str, Pip]:
    """A pip for each release that is compared."""
    folder = tmp_path_factory.mktemp("pips")
    found = {}
    for version in dict.fromkeys(file.airflow_version for file in CHOSEN):
        (folder / version).mkdir()
        found[version] = open_pip(Release.load(version), cache_dir(os.environ), folder / version, env)
    return found


@pytest.mark.full
@pytest.mark.network
@pytest.mark.agreement
@pytest.mark.parametrize("file", CHOSEN, ids=lambda file: f"{file.airflow_version}: {file.name}")
def test_check_says_what_pip_does(
    file: RequirementsFile, env: dict[str, str], pips: dict[str, Pip], tmp_path: Path
) -> None:
    project = write_project(file, tmp_path / "project", env)
    checked = ask_check(file, project, env, cache_dir(os.environ))
    installed = ask_pip(file, project, pips[file.airflow_version], tmp_path)
    assert can_compare(checked, installed), f"no answer\ncheck: {checked.said}\npip: {installed.said}"
    told = difference(checked, installed)
    if known := file.known_difference(env):
        assert told, f"they agree now, so this is to be removed: {known}"
    else:
        assert not told, told


@pytest.mark.parametrize("version", AIRFLOW_VERSIONS)
def test_each_release_has_its_files_each_with_a_name_and_none_twice(version: str) -> None:
    files = load(version)
    assert len(files) >= FILES_AT_LEAST[version]
    assert max(Counter(file.name for file in files).values()) == 1
    asked = Counter((file.text.strip(), *sorted({**file.others, **file.constraints_of}.items())) for file in files)
    assert [question for question, times in asked.items() if times > 1] == []
    assert sum(file.is_sample for file in files) == SAMPLE[version]


def checked_as(verdict: Verdict, *findings: Finding) -> Checked:
    return Checked("requirements.txt", "3.3.1", "3.12", verdict, findings, 0.0)


def change(name: str, version: str) -> PackageChange:
    return PackageChange(name, version, "", False, (), None)


@pytest.mark.parametrize(
    ("checked", "outcome"),
    [
        (checked_as(Works(())), WORKS),
        (checked_as(Conflict((), "")), REFUSED),
        (checked_as(Works(()), Finding("invalid-requirement", ERROR, "a", 1, "pip cannot read it")), REFUSED),
        (checked_as(Works(()), Finding("local-path", ERROR, "a", 1, "MWAA cannot see it")), WORKS),
        (checked_as(Unchecked("a cannot be read"), Finding("unreadable-file", ERROR, "a", 1, "no text")), REFUSED),
        (checked_as(Unchecked("the index could not be reached")), UNKNOWN),
    ],
)
def test_result_of_the_check_counts_as_far_as_pip_can_know(checked: Checked, outcome: str) -> None:
    assert answer_of(checked).outcome == outcome


def test_version_and_address_are_compared_by_what_they_mean() -> None:
    url = "https://example.org/b-1.0-py3-none-any.whl"
    verdict = Works((change("a", "1.0.0RC1"), change("b", f"{url}#sha256=00"), change("wheel", "1.0")))
    assert answer_of(checked_as(verdict)).changes == {("a", "1.0.0rc1"), ("b", url)}


def test_what_the_package_set_has_otherwise_than_the_image_is_left_out() -> None:
    release = Release.load("2.0.2")
    has_otherwise = {("flask-openid", "1.2.5"), ("psycopg2-binary", "2.8.6"), ("redis", "3.5.3")}
    assert comparable(frozenset({*has_otherwise, ("flask-openid", "1.3.0")}), release) == {("flask-openid", "1.3.0")}


def test_difference_names_what_only_one_of_the_two_says() -> None:
    one, other = Answer(WORKS, frozenset({("a", "1.0"), ("b", "1.0")})), Answer(WORKS, frozenset({("a", "2.0")}))
    told = difference(one, other)
    assert "only the check: a 1.0, b 1.0" in told
    assert "only pip: a 2.0" in told
    assert difference(one, one) == ""
    assert "pip says refused\ncheck: a 1.0, b 1.0\npip: no" in difference(one, Answer(REFUSED, said="no"))
