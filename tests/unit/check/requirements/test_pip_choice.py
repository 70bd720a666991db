"""What pip's answer means, and how its output is read; real pips are asked in `tests/integration`."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.pip_choice import packages_of
from mwaa_local.check.requirements.pip_plan import (
    Chosen,
    NotAsked,
    PipRefused,
    Pips,
    PipStopped,
    Plan,
    Planned,
    read,
    settled,
    tried,
    write,
)
from mwaa_local.check.requirements.source import Source
from mwaa_local.check.requirements.verdict import Conflict, Works
from mwaa_local.finding import ERROR, NOTE, WARNING
from mwaa_local.project import Project
from mwaa_local.release import Release
from tests.wheels import make_wheel

OUTPUT = """Collecting sqlalchemy-utils>=0.32.14
  Downloading SQLAlchemy-Utils-0.36.1.tar.gz (128 kB)
  Using cached SQLAlchemy_Utils-0.36.0-py3-none-any.whl.metadata (4 kB)
  Using cached SQLAlchemy_Utils-0.36.0-py3-none-any.whl (40 kB)
  Downloading https://index.example/packages/rich-15.0.0-py3-none-any.whl (310 kB)
INFO: pip is looking at multiple versions of sqlalchemy-utils to determine which version is compatible
"""


class PipThatSays(Pips):
    """A pip that gives the same answer whatever the file is, and another one to more pins."""

    def __init__(self, answer: Plan, with_pins: Plan | None = None) -> None:
        super().__init__(Path("/nowhere"), {})
        self.__dict__.update(answer=answer, with_pins=with_pins or answer)

    def plan(
        self, source: Source, release: Release, variables: Mapping[str, str], root_dir: Path, extra: Sequence[str] = ()
    ) -> Plan:
        found: Plan = self.__dict__["with_pins" if extra else "answer"]
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    wheels = tmp_path / "plugins"
    make_wheel(wheels, "alpha", "1.0")
    make_wheel(wheels, "alpha", "2.0", ["jinja2<2.9"])
    make_wheel(wheels, "jinja2", "2.8")
    make_wheel(wheels, "gamma", "1.0", ["alpha"])
    path = tmp_path / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text("--no-index\n--find-links /usr/local/airflow/plugins\njinja2\ngamma\n")
    return Project(tmp_path)


def check(project: Project, pips: Pips) -> RequirementsCheck:
    return RequirementsCheck(project, project.requirements_path, {"HOME": "/tmp"}, {}, pips=pips)


def test_releases_that_pip_went_through_are_counted_once_each() -> None:
    assert tried(OUTPUT) == {"sqlalchemy-utils": 2}


def test_answer_is_kept_and_a_stop_says_after_how_long(tmp_path: Path) -> None:
    answers: tuple[Planned | PipRefused | PipStopped, ...] = (
        Planned((Chosen("a", "1.0", "", ("b>1",), ("x",), True), Chosen("c", "", "https://h/c.whl")), 2.0),
        PipRefused("no"),
        PipStopped(60.0, {"a": 3}),
    )
    for number, answer in enumerate(answers):
        path = tmp_path / "answers" / f"{number}.json"
        write(path, answer)
        assert read(path) == answer
    assert read(tmp_path / "none.json") is None


def test_packages_know_who_wants_them_on_the_release_s_python() -> None:
    chosen = (
        Chosen("a", "1.0", requires=("b>1", "c; python_version < '3'", 'd; extra == "x"'), extras=("x",)),
        *(Chosen(name, "1.0") for name in "bcd"),
    )
    found = packages_of(chosen, Release.load("3.3.1"))
    assert {name: item.via for name, item in found.items()} == {"a": (), "b": ("a",), "c": (), "d": ("a",)}


def test_pip_that_is_stopped_is_a_warning_with_the_pin_that_ends_it(project: Project) -> None:
    pips = PipThatSays(PipStopped(60.0, {"alpha": 7}), Planned((), 1.0))
    [found] = [item for item in check(project, pips).check(Release.load("2.4.3")).findings if "pip" in item.what]
    assert (found.rule, found.severity, found.line) == ("long-resolution", WARNING, 4)
    assert "It went through 7 releases: 7 of alpha." in found.why
    assert found.hint == "add alpha==1.0: with that, pip is done in time"


def test_pip_that_is_stopped_at_mwaa_s_own_limit_is_an_error(project: Project) -> None:
    pips = PipThatSays(PipStopped(settled(Pips(Path(), {})).limit_s))
    found = next(item for item in check(project, pips).check(Release.load("2.4.3")).findings if "pip" in item.what)
    assert (found.severity, found.what) == (ERROR, "pip was stopped after 540 s")
    assert found.hint == "pin what nothing holds, for example alpha==1.0"


def test_pip_that_could_not_be_asked_is_a_note(project: Project) -> None:
    checked = check(project, PipThatSays(NotAsked("no Python 3.10"))).check(Release.load("2.4.3"))
    [found] = [item for item in checked.findings if item.rule == "pip-not-asked"]
    assert (found.severity, found.hint) == (NOTE, "pin alpha==1.0")
    assert "no Python 3.10" in found.why


@pytest.fixture
def with_archive(project: Project) -> Project:
    """A file that asks for an archive with a name in it that uv refuses, which needs gamma."""
    text = "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\nRequires-Dist: gamma\n"
    with tarfile.open(project.root_dir / "plugins" / "odd-1.0.tar.gz", "w:gz") as archive:
        for name, content in {"PKG-INFO": text, "setup.py": "", "Unnamed: 0.json": ""}.items():
            entry = tarfile.TarInfo(f"odd-1.0/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    project.requirements_path.write_text("--no-index\n--find-links /usr/local/airflow/plugins\nodd\n")
    return project


def test_what_an_archive_needs_that_uv_does_not_unpack_comes_from_pip(with_archive: Project) -> None:
    pips = PipThatSays(Planned((Chosen("odd", "1.0", requires=("gamma",)), Chosen("gamma", "1.0")), 1.0))
    verdict = check(with_archive, pips).check(Release.load("2.4.3")).verdict
    assert isinstance(verdict, Works)
    assert [change.name for change in verdict.changes] == ["gamma", "odd"]
    assert [(item.name, item.outcome) for item in verdict.built] == [("odd", "untried")]
    refused = check(with_archive, PipThatSays(PipRefused("conflicting dependencies")))
    assert isinstance(refused.check(Release.load("2.4.3")).verdict, Conflict)


@pytest.mark.parametrize("answer", [NotAsked("no Python 3.10"), PipStopped(60.0)])
def test_archive_that_nobody_unpacks_is_a_warning_at_its_line(with_archive: Project, answer: Plan) -> None:
    checked = check(with_archive, PipThatSays(answer)).check(Release.load("2.4.3"))
    [found] = [item for item in checked.findings if item.rule == "pip-not-asked"]
    assert (found.severity, found.line, found.what) == (WARNING, 3, "what odd 1.0 needs is not known")


EXTRAS = "apache-airflow[slack]==1.10.12\n"


@pytest.fixture
def with_extras(project: Project) -> Project:
    make_wheel(project.root_dir / "plugins", "slackclient", "1.3.2")
    make_wheel(project.root_dir / "plugins", "flask_swagger", "0.2.14")  # which the image's Airflow lacks
    project.requirements_path.write_text(f"--no-index\n--find-links /usr/local/airflow/plugins\n{EXTRAS}")
    return project


def test_extras_of_an_airflow_whose_metadata_uv_cannot_read_come_from_pip(with_extras: Project) -> None:
    pips = PipThatSays(Planned((Chosen("slackclient", "1.3.2"),), 1.0))
    verdict = check(with_extras, pips).check(Release.load("1.10.12")).verdict
    assert isinstance(verdict, Works)
    assert [change.name for change in verdict.changes] == ["slackclient"]
    refused = check(with_extras, PipThatSays(PipRefused("conflicting dependencies")))
    assert isinstance(refused.check(Release.load("1.10.12")).verdict, Conflict)


@pytest.mark.parametrize("answer", [NotAsked("no Python 3.7"), PipStopped(60.0)])
def test_extras_that_nobody_can_read_are_a_warning(with_extras: Project, answer: Plan) -> None:
    checked = check(with_extras, PipThatSays(answer)).check(Release.load("1.10.12"))
    [found] = [item for item in checked.findings if item.rule == "pip-not-asked"]
    assert (found.severity, found.line) == (WARNING, 3)


def test_pip_that_refuses_is_a_conflict_in_its_words(project: Project) -> None:
    verdict = check(project, PipThatSays(PipRefused("Cannot install a and b"))).check(Release.load("2.4.3")).verdict
    assert isinstance(verdict, Conflict)
    [clash] = verdict.clashes
    assert "Cannot install a and b" in clash.why
