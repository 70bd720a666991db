"""`mwaa-local upgrade`: what contradicts itself, what ends it before anything is changed, and `--json` then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.part import Part
from mwaa_local.cli import app, upgrade
from mwaa_local.cli.upgrade_carrying import _nothing_done
from mwaa_local.errors import (
    AlreadyRunning,
    EnvironmentFileInvalid,
    ImageBuildFailed,
    MoveRefused,
    StateCorrupted,
    UpgradeFailed,
)
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out import journal
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.upgrade.paths import move
from mwaa_local.upgrade.rehearsed import Rehearsed
from mwaa_local.upgrade.stop import Seen, Stop
from mwaa_local.upgrade.wanted_runs import UNKNOWN_RUN
from mwaa_local.workspace import Workspace

OLD, NEW = "2.10.3", "2.11.2"


@pytest.fixture
def root_dir(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    (tmp_path / "mwaa.yaml").write_text(f'AirflowVersion: "{OLD}"\nLocal: {{Runtime: process}}\n')
    return tmp_path


def run(root_dir: Path, *words: str) -> tuple[int, str, str]:
    outcome = CliRunner().invoke(app, ["upgrade", *words, "--project", str(root_dir)])
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.exit_code, outcome.stdout, " ".join(outcome.stderr.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--plan", "--yes"), "--plan changes nothing and --yes does"),
        (("--format", "junit", "--yes"), "--format junit is for the rehearsal"),
        (("--force",), "--force and --no-rehearsal are for --yes"),
        (("--no-rehearsal", "--run", "a"), "--force and --no-rehearsal are for --yes"),
    ],
)
def test_options_that_contradict_each_other_are_refused(root_dir: Path, words: tuple[str, ...], says: str) -> None:
    code, out, err = run(root_dir, "--to", NEW, *words)
    assert (code, out, says in err) == (2, "", True), err
    assert not (root_dir / ".mwaa-local").exists()


def test_two_targets_are_refused_with_yes(root_dir: Path) -> None:
    code, _, err = run(root_dir, "--to", f"{NEW},3.3.1", "--yes")
    assert (code, "--yes takes one version" in err) == (2, True)


def test_release_that_it_has_already_is_nothing_done_in_json_too(root_dir: Path) -> None:
    code, out, err = run(root_dir, "--to", OLD, "--yes", "--json")
    assert (code, json.loads(out)) == (0, _nothing_done(OLD, OLD))
    assert f"the environment has Airflow {OLD} already" in err


@pytest.mark.parametrize("words", [("--yes",), ()])
def test_version_that_was_written_too_early_is_not_taken_for_done(root_dir: Path, words: tuple[str, ...]) -> None:
    (root_dir / "mwaa.yaml").write_text(f'AirflowVersion: "{NEW}"\n')
    (root_dir / ".mwaa-local" / "database" / OLD).mkdir(parents=True)
    with pytest.raises(MoveRefused) as raised:
        run(root_dir, "--to", NEW, *words)
    assert raised.value.hint == f"set AirflowVersion back to {OLD}, then: mwaa-local upgrade --to {NEW} --yes"


def test_what_keeps_it_from_beginning_is_told_in_json_too(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object) -> None:
        raise ImageBuildFailed("the image could not be built", "no network\nNothing was changed.", "connect")

    monkeypatch.setattr("mwaa_local.cli.upgrade_carrying.carry_out", cannot)
    words = ("--to", NEW, "--yes", "--no-rehearsal", "--json")
    outcome = CliRunner().invoke(app, ["upgrade", *words, "--project", str(root_dir)])
    told = json.loads(outcome.stdout)
    assert (told["status"], told["statuses"], told["error"]["hint"]) == (None, [], "connect")
    assert told.keys() == _nothing_done(OLD, NEW).keys()
    assert isinstance(outcome.exception, ImageBuildFailed)


def test_what_a_failure_leaves_is_in_json(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        error = UpgradeFailed("the upgrade failed", "", "")
        error.snapshot, error.runs = "upgrade-from-2-10-3", ({"dag_id": "etl", "state": "success"},)
        raise error

    monkeypatch.setattr("mwaa_local.cli.upgrade_carrying.carry_out", fail)
    words = ["upgrade", "--to", NEW, "--yes", "--no-rehearsal", "--json", "--project", str(root_dir)]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert (told["snapshot"], told["replaced_snapshot"]) == ("upgrade-from-2-10-3", None)
    assert told["runs"] == [{"dag_id": "etl", "state": "success"}]


def test_way_that_mwaa_does_not_take_is_refused_first_and_in_json_too(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "_rehearsed", lambda *_: pytest.fail("rehearsed"))
    (root_dir / "mwaa.yaml").write_text('AirflowVersion: "1.10.12"\nLocal: {Runtime: process}\n')
    outcome = CliRunner().invoke(app, ["upgrade", "--to", NEW, "--yes", "--json", "--project", str(root_dir)])
    told = json.loads(outcome.stdout)
    assert (told["from"], told["to"], told["status"]) == ("1.10.12", NEW, None)
    assert told["error"]["what"] == f"MWAA refuses the update from Airflow 1.10.12 to {NEW}"
    assert told.keys() == _nothing_done(OLD, NEW).keys()
    assert isinstance(outcome.exception, MoveRefused)
    assert outcome.exception.exit_code == 1, "that of the rehearsal"


def test_project_that_another_command_has_is_told_in_json_too(root_dir: Path) -> None:
    words = ["upgrade", "--to", NEW, "--yes", "--no-rehearsal", "--json", "--project", str(root_dir)]
    with Workspace(Project(root_dir), {}).exclusive():
        outcome = CliRunner().invoke(app, words)
    assert isinstance(outcome.exception, AlreadyRunning)
    assert json.loads(outcome.stdout)["error"]["what"] == outcome.exception.what


@pytest.mark.parametrize("words", [("--yes",), ()])
def test_mistake_in_the_environment_file_is_on_stderr_alone(root_dir: Path, words: tuple[str, ...]) -> None:
    (root_dir / "mwaa.yaml").write_text("AirflowVersion: 9.9.9\n")
    outcome = CliRunner().invoke(app, ["upgrade", "--to", NEW, "--json", *words, "--project", str(root_dir)])
    assert (outcome.stdout, isinstance(outcome.exception, EnvironmentFileInvalid)) == ("", True)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal that finds an error."""
    found = Finding("dag-import-error", ERROR, "dags/a.py", 1, "it breaks")
    outcome = (Rehearsed(move(Release.load(OLD), Release.load(NEW)), (Part("dags", (found,)),)),)
    monkeypatch.setattr(upgrade, "_rehearsed", lambda session, to, runs: outcome)


@pytest.mark.usefixtures("broken")
def test_rehearsal_that_finds_an_error_ends_it_with_nothing_changed(root_dir: Path) -> None:
    before = (root_dir / "mwaa.yaml").read_bytes()
    code, out, err = run(root_dir, "--to", NEW, "--yes", "--json")
    told = json.loads(out)
    assert (code, told["from"], told["to"], told["status"]) == (1, OLD, NEW, None)
    assert told["error"]["what"] == "the rehearsal found errors"
    assert told["rehearsal"]["exit_code"] == 1
    assert told.keys() == _nothing_done(OLD, NEW).keys()
    assert "nothing was changed" in err
    assert (root_dir / "mwaa.yaml").read_bytes() == before
    assert not (root_dir / ".mwaa-local" / "upgrade.json").exists()


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("words", [("--force",), ("--no-rehearsal",)])
def test_force_goes_on_all_the_same(root_dir: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    begun: list[str] = []
    monkeypatch.setattr(
        "mwaa_local.cli.upgrade_carrying.carry_out_and_tell",
        lambda session, target, dags, **more: begun.append(target.airflow_version),
    )
    code, _, _ = run(root_dir, "--to", NEW, "--yes", *words)
    assert (code, begun) == (0, [NEW])


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """A look at each release that takes no packages: DAGs that cannot all be known; release and parts are noted."""
    looked: list[tuple[str, tuple[str, ...]]] = []

    def run(stop: Stop, names: Sequence[str]) -> Seen:
        looked.append((stop.release.airflow_version, tuple(names)))
        parts = [Part(name, dag_ids=("made", "loads")) if name == "dags" else Part(name) for name in names]
        return Seen({part.name: part for part in parts}, KnownOptions())

    monkeypatch.setattr(Stop, "run", run)
    return looked


@pytest.mark.usefixtures("seen")
def test_plan_says_what_run_cannot_find(root_dir: Path) -> None:
    code, out, _ = run(root_dir, "--to", NEW, "--run", "loads", "--run", "lods", "--json")
    [item] = json.loads(out)["rehearsed"]
    [dags] = [part for part in item["parts"] if part["name"] == "dags"]
    [found] = dags["findings"]
    assert (code, found["rule"], found["severity"], found["hint"]) == (0, UNKNOWN_RUN, WARNING, "did you mean 'loads'?")


@pytest.mark.usefixtures("seen")
def test_warning_of_a_run_is_shown_before_the_upgrade_goes_on(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Sequence[str]] = []
    monkeypatch.setattr(
        "mwaa_local.cli.upgrade_carrying.carry_out_and_tell", lambda session, target, dags, **more: begun.append(dags)
    )
    code, _, err = run(root_dir, "--to", NEW, "--yes", "--run", "lods")
    assert (code, begun) == (0, [("lods",)])
    assert "warning: cannot tell whether there is a DAG 'lods' with Airflow 2.11.2" in err


@pytest.mark.parametrize("words", [("--force",), ()])
def test_name_that_no_dag_has_is_a_mistake_that_force_does_not_pass(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def run_stop(stop: Stop, names: Sequence[str]) -> Seen:
        broken = Finding("options-x", ERROR, "mwaa.yaml", 1, f"it breaks with {stop.release.airflow_version}")
        parts = [Part(name, (broken,)) if name == "options" else Part(name) for name in names]
        return Seen({p.name: replace(p, dag_ids=("etl",), has_all_dags=True) for p in parts}, KnownOptions())

    monkeypatch.setattr(Stop, "run", run_stop)
    monkeypatch.setattr("mwaa_local.cli.upgrade_carrying.carry_out_and_tell", lambda *_, **__: pytest.fail("begun"))
    code, out, err = run(root_dir, "--to", NEW, "--yes", "--run", "etl", "--run", "nosuch", "--json", *words)
    told = json.loads(out)
    assert (code, told["error"]["hint"]) == (1, "name DAGs that exist with --run")
    assert "nothing was changed hint: name DAGs that exist with --run" in err


def journal_of(root_dir: Path, step: str) -> Path:
    """Write the journal of an upgrade from OLD to 2.11.0 that was killed in that step."""
    project = Project(root_dir)
    before = (root_dir / "mwaa.yaml").read_bytes()
    after = before.replace(OLD.encode(), b"2.11.0")
    if step != journal.MIGRATING:  # the file is changed by then
        (root_dir / "mwaa.yaml").write_bytes(after)
    encoded = (journal.encoded(before), journal.encoded(after))
    journal.save(project, Journal(OLD, "2.11.0", "process", 0.0, *encoded, is_started_again=False).at(step))
    project.run_dir.mkdir(exist_ok=True)
    return journal.journal_path(project)


@pytest.mark.parametrize(
    ("step", "then", "source"),
    [(journal.MIGRATING, "undoes", OLD), (journal.STARTING, "undoes", OLD), (journal.RUNNING, "finishes", "2.11.0")],
)
def test_plan_tells_of_a_killed_upgrade_and_looks_at_what_comes_after_it(
    root_dir: Path, seen: list[tuple[str, tuple[str, ...]]], step: str, then: str, source: str
) -> None:
    path = journal_of(root_dir, step)
    before = (path.read_bytes(), (root_dir / "mwaa.yaml").read_bytes())
    code, out, err = run(root_dir, "--to", NEW, "--json")
    plain = json.loads(out)
    assert (code, plain["unfinished"]["from"], plain["unfinished"]["to"]) == (0, OLD, "2.11.0")
    assert (plain["unfinished"]["step"], then in plain["unfinished"]["next"]) == (step, True)
    assert f"upgrade to Airflow 2.11.0: {step}; it was killed; the next `mwaa-local up` or `down` {then} it" in err
    assert [item["from"] for item in plain["rehearsed"]] == [source]
    assert seen[-1][0] == source
    assert (path.read_bytes(), (root_dir / "mwaa.yaml").read_bytes()) == before


@pytest.mark.usefixtures("seen")
def test_new_release_that_a_killed_upgrade_left_running_is_not_taken_for_that_of_the_environment(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal_of(root_dir, journal.STARTING)
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.place._running_version", lambda workspace: "2.11.0")
    code, out, _ = run(root_dir, "--to", "2.11.0", "--json")
    assert (code, [item["from"] for item in json.loads(out)["rehearsed"]]) == (0, [OLD])


@pytest.mark.usefixtures("seen")
def test_plan_tells_of_a_killed_upgrade_whose_locks_are_gone(root_dir: Path) -> None:
    journal_of(root_dir, journal.MIGRATING)
    shutil.rmtree(Project(root_dir).run_dir)
    _, out, _ = run(root_dir, "--to", NEW, "--json")
    assert "it was killed" in json.loads(out)["unfinished"]["next"]


@pytest.mark.usefixtures("seen")
def test_plan_tells_of_an_upgrade_that_goes_on(root_dir: Path) -> None:
    journal_of(root_dir, journal.MIGRATING)
    with Workspace(Project(root_dir), {}).exclusive():
        _, out, err = run(root_dir, "--to", NEW, "--json")
    assert json.loads(out)["unfinished"]["next"] == "it goes on"
    assert "upgrade to Airflow 2.11.0: migrating the copy; it goes on" in err


@pytest.mark.usefixtures("seen")
def test_plan_without_one_says_nothing_of_it(root_dir: Path) -> None:
    _, out, err = run(root_dir, "--to", NEW, "--json")
    assert (json.loads(out)["unfinished"], "killed" in err) == (None, False)


def test_plan_says_that_a_damaged_journal_is_in_the_way(root_dir: Path) -> None:
    journal_of(root_dir, journal.MIGRATING).write_text("{}")
    with pytest.raises(StateCorrupted):
        run(root_dir, "--to", NEW)
