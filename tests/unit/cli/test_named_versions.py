"""Airflow versions that options name: an empty one, as of a shell variable that is not set, is not taken for none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import ProjectRunner

ONE = "--airflow-version"
COMMANDS = (
    ("up", ONE),
    ("smoke", "--all", ONE),
    ("check", ONE),
    ("check", "dags", ONE),
    ("check", "plugins", ONE),
    ("check", "requirements", ONE),
    ("package-requirements", ONE),
    ("db", "dump", "x.dump", ONE),
    ("db", "snapshot", ONE),
    ("db", "restore", "x.dump", ONE),
    ("reset-db", "--yes", ONE),
    ("upgrade", "--to"),
)
SEVERAL = (("check", "requirements", ONE), ("upgrade", "--to"))


@pytest.fixture
def runner(project: Callable[..., ProjectRunner]) -> ProjectRunner:
    return project({"dags/a.py": "", "requirements/requirements.txt": ""})


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("empty", ["", " "], ids=["empty", "blank"])
def test_empty_version_is_wrong_usage(runner: ProjectRunner, words: tuple[str, ...], empty: str) -> None:
    outcome = runner.call(*words, empty)
    assert (outcome.exit_code, outcome.stdout) == (2, ""), outcome.stderr
    assert f"Invalid value for '{words[-1]}': it is empty; name an Airflow version" in " ".join(outcome.stderr.split())
    assert not (runner.root_dir / ".mwaa-local").exists()


@pytest.mark.parametrize("words", SEVERAL, ids=" ".join)
@pytest.mark.parametrize("more", [(",",), (",,",), ("2.11.2", "")], ids=["comma", "commas", "second"])
def test_list_without_a_version_is_wrong_usage(
    runner: ProjectRunner, words: tuple[str, ...], more: tuple[str, ...]
) -> None:
    given = [word for value in more for word in (words[-1], value)]
    outcome = runner.call(*words[:-1], *given)
    assert (outcome.exit_code, "it is empty" in outcome.stderr) == (2, True), outcome.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_version_that_mwaa_never_had_names_the_option_to_mend(runner: ProjectRunner, words: tuple[str, ...]) -> None:
    outcome = runner.call(*words, "2.10.4")
    assert outcome.exit_code == 3
    assert f"hint: write {words[-1]} 2.10.3, or choose" in outcome.stderr


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in SEVERAL], ids=" ".join)
def test_command_for_one_release_takes_no_list(runner: ProjectRunner, words: tuple[str, ...]) -> None:
    outcome = runner.call(*words, "2.10.3,3.3.1")
    assert outcome.exit_code == 2, outcome.stderr
    assert "one release at a time: name one" in " ".join(outcome.stderr.split())
