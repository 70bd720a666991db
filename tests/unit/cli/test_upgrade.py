"""`mwaa-local upgrade`: what contradicts itself, what ends it before anything is changed, and `--json` then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mwaa_local.check.part import Part
from mwaa_local.cli import app, upgrade
from mwaa_local.cli.upgrade_carrying import _nothing_done
from mwaa_local.errors import ImageBuildFailed, MoveRefused
from mwaa_local.finding import ERROR, Finding
from mwaa_local.release import Release
from mwaa_local.upgrade.paths import move
from mwaa_local.upgrade.rehearsed import Rehearsed

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
        (("--run", "a"), "--run, --force and --no-rehearsal are for --yes"),
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


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal that finds an error."""
    found = Finding("dag-import-error", ERROR, "dags/a.py", 1, "it breaks")
    outcome = (Rehearsed(move(Release.load(OLD), Release.load(NEW)), (Part("dags", (found,)),)),)
    monkeypatch.setattr(upgrade, "_rehearsed", lambda session, to: outcome)


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
