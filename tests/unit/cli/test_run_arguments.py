"""What commands that run DAGs refuse before anything is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer import BadParameter
from typer.testing import CliRunner

from mwaa_local.cli import app
from mwaa_local.cli.run_arguments import conf_of, date_of
from mwaa_local.errors import MwaaLocalError
from mwaa_local.guest import dag_test_script
from mwaa_local.smoke.selection import unknown_dag


@pytest.fixture
def root_dir(tmp_path: Path) -> Path:
    """A project with one DAG file."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text("from airflow.sdk import DAG\n")
    return tmp_path


def test_configuration_is_an_object_given_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "conf.json").write_text('{"day":\n 1}')
    assert conf_of("") == ""
    assert conf_of('{"day":1}') == conf_of(f"@{tmp_path}/conf.json") == '{"day": 1}'


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{bad", "--conf is not JSON: Expecting"),
        ("[1]", "--conf has to be a JSON object"),
        ("@/no/such.json", "--conf @/no/such.json cannot be read: No such file"),
    ],
)
def test_other_configuration_is_refused_in_whole_sentences(given: str, said: str) -> None:
    with pytest.raises(BadParameter) as caught:
        conf_of(given)
    assert caught.value.message.startswith(said)


def test_date_is_handed_on_as_it_was_given() -> None:
    assert date_of("") == ""
    assert date_of("2026-01-01") == "2026-01-01T00:00:00"
    assert date_of("2026-01-01T06:00:00+02:00") == "2026-01-01T06:00:00+02:00"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dags", "test", "a", "tomorrow"), "'tomorrow' is not a date"),
        (("dags", "test", "a", "2026-13-01"), "'2026-13-01' is not a date"),
        (("dags", "test", "a", "--conf", "[1]"), "--conf has to be a JSON object"),
        (("dags", "test", "a", "--conf", "{bad"), "--conf is not JSON"),
        (("dags", "test", ""), "DAG_ID is empty"),
        (("dags", "test", "a", "2026-01-01", "--no-logical-date"), "cannot have a logical date and none"),
        (("smoke", "a", "--logical-date", "tomorrow"), "'tomorrow' is not a date"),
        (("up", "--run", "a", "--logical-date", "2026-13-01"), "'2026-13-01' is not a date"),
        (("up", "--logical-date", "2026-01-01"), "are for --run; name a DAG with --run"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_started(
    root_dir: Path, words: tuple[str, ...], said: str
) -> None:
    outcome = CliRunner().invoke(app, [*words, "--project", str(root_dir)])
    assert outcome.exit_code == 2
    assert said in " ".join(outcome.stderr.split())
    assert not (root_dir / ".mwaa-local").exists()


@pytest.mark.parametrize("words", [("dags", "test", "a"), ("smoke", "a"), ("up", "--run", "a")])
def test_airflow_2_has_no_run_without_a_date(root_dir: Path, words: tuple[str, ...]) -> None:
    (root_dir / "mwaa.yaml").write_text('AirflowVersion: "2.10.3"\n')
    outcome = CliRunner().invoke(app, [*words, "--no-logical-date", "--project", str(root_dir)])
    assert outcome.exit_code == 2
    said = " ".join(outcome.stderr.replace("│", " ").split())
    assert "in Airflow 2.10.3 every run has a logical date; leave the option out" in said


def test_dag_test_without_a_dag_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    outcome = CliRunner().invoke(app, ["dags", "test", "a", "--project", str(tmp_path)])
    assert isinstance(outcome.exception, MwaaLocalError)
    assert (outcome.exception.what, outcome.exception.exit_code) == ("there is no DAG to run", 2)


def test_dag_test_of_a_release_without_it_is_refused(root_dir: Path) -> None:
    (root_dir / "mwaa.yaml").write_text('AirflowVersion: "1.10.12"\n')
    outcome = CliRunner().invoke(app, ["dags", "test", "a", "--project", str(root_dir)])
    assert isinstance(outcome.exception, MwaaLocalError)
    assert outcome.exception.what == "Airflow 1.10.12 cannot run a DAG in a single process"
    assert "mwaa-local up --run a" in outcome.exception.hint


def test_unknown_dag_is_reported_with_the_files_in_which_it_may_be() -> None:
    error = unknown_dag("other", ["hello"], {"dags/broken.py": "Traceback\nImportError: no x\n"})
    assert error.why == "DAGs that exist: hello.\ndags/broken.py cannot be imported: ImportError: no x"
    assert error.hint == "mwaa-local check dags"


def test_ctrl_c_in_a_dag_test_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "airflow" / "models").mkdir(parents=True)
    (tmp_path / "airflow" / "models" / "dag.py").write_text("class DAG:\n    def create_dagrun(self):\n        pass\n")
    (tmp_path / "airflow" / "__main__.py").write_text("def main():\n    raise KeyboardInterrupt\n")
    argv = [sys.executable, str(dag_test_script.__file__), str(tmp_path / "answer"), "", "dags", "test", "a"]
    ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")
