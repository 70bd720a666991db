"""A file that the startup script makes in the worker alone is said to be there alone; nothing else is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.dags.worker_files import tells_components_apart, with_worker_files
from mwaa_local.finding import ERROR, Finding

SAID = "import error: FileNotFoundError: [Errno 2] No such file or directory: '/usr/local/airflow/certs/ca.pem'"


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    homes = (tmp_path / "scheduler", tmp_path / "worker")
    for home in homes:
        (home / "certs").mkdir(parents=True)
    return homes


def told(finding: Finding, scheduler: Path | None, worker: Path | None) -> Finding:
    [result] = with_worker_files([finding], scheduler, lambda: worker)
    return result


def finding(what: str = SAID) -> Finding:
    return Finding("dag-import-error", ERROR, "dags/a.py", 3, what, "the trace", "")


@pytest.mark.parametrize("is_link", [False, True])
def test_file_of_the_worker_is_told(homes: tuple[Path, Path], is_link: bool) -> None:
    path = homes[1] / "certs" / "ca.pem"
    path.symlink_to("/nowhere") if is_link else path.touch()
    result = told(finding(), *homes)
    assert "makes /usr/local/airflow/certs/ca.pem in the worker only" in result.why
    assert result.why.startswith("the trace\n")
    assert "in the scheduler, too" in result.hint
    assert (result.rule, result.severity, result.line) == ("dag-import-error", ERROR, 3)


def test_file_that_neither_has_or_both_have_is_left_as_it_was(homes: tuple[Path, Path]) -> None:
    assert told(finding(), *homes) == finding()
    for home in homes:
        (home / "certs" / "ca.pem").touch()
    assert told(finding(), *homes).hint == ""


def test_workers_script_is_waited_for_only_where_a_file_is_missing(homes: tuple[Path, Path]) -> None:
    def never() -> Path:
        raise AssertionError("waited")

    other = finding("import error: KeyError: 'a'")
    assert list(with_worker_files([other], homes[0], never)) == [other]
    assert list(with_worker_files([finding()], None, never)) == [finding()]


def test_script_that_does_not_ask_for_its_component_does_the_same_in_all(tmp_path: Path) -> None:
    path = tmp_path / "startup.sh"
    assert not tells_components_apart(path)
    path.write_text("export A=1\n")
    assert not tells_components_apart(path)
    path.write_text("[[ $MWAA_AIRFLOW_COMPONENT == worker ]] && touch a\n")
    assert tells_components_apart(path)
