"""Which moves are rehearsed, in which order, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.part import UNCHECKED, Part
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.steps import Steps
from mwaa_local.upgrade.rehearsal import Rehearsal, moves
from mwaa_local.upgrade.stop import PARTS, Seen, Stop
from mwaa_local.workspace import Workspace


def planned(source: str, *targets: str) -> list[tuple[str, str, str]]:
    """Return from, to, and on the way to what, of each move."""
    found = moves(Release.load(source), [Release.load(version) for version in targets])
    return [(item.move.source.airflow_version, item.move.target.airflow_version, item.on_the_way_to) for item in found]


def test_hop_comes_before_what_it_leads_to() -> None:
    assert planned("2.10.3", "3.3.1") == [("2.10.3", "2.11.2", "3.3.1"), ("2.10.3", "3.3.1", "")]


def test_hop_of_several_targets_is_there_once() -> None:
    assert planned("2.10.3", "3.0.6", "3.3.1") == [
        ("2.10.3", "2.11.2", "3.0.6"),
        ("2.10.3", "3.0.6", ""),
        ("2.10.3", "3.3.1", ""),
    ]


def test_hop_that_was_asked_for_is_no_hop() -> None:
    assert planned("2.10.3", "3.3.1", "2.11.2") == [("2.10.3", "3.3.1", ""), ("2.10.3", "2.11.2", "")]


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("3.3.1", "3.3.1", "nothing to do"),
        ("2.2.2", "2.4.3", "MWAA takes no environment to an ended release"),
        ("1.10.12", "2.11.2", ""),  # what a new environment would meet
        ("2.7.2", "2.11.2", ""),
    ],
)
def test_what_cannot_matter_is_not_looked_at(source: str, target: str, why: str) -> None:
    [wanted] = moves(Release.load(source), [Release.load(target)])
    assert wanted.leave_out == why


def test_release_that_cannot_be_had_is_not_checked_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "mwaa.yaml").write_text('AirflowVersion: "2.10.3"\n')

    def run(stop: Stop, names: Sequence[str]) -> Seen:
        if stop.release.airflow_version == "2.11.0":
            raise PackagesUnavailable("no packages", "offline", "go online")
        return Seen({name: Part(name) for name in names}, KnownOptions())

    monkeypatch.setattr(Stop, "run", run)
    workspace = Workspace(Project(tmp_path), {"HOME": str(tmp_path)})
    told: list[tuple[str, str]] = []
    rehearsal = Rehearsal(workspace, Steps(lambda event: None), lambda version, part: told.append((version, part.name)))
    missing, there = rehearsal.run([Release.load("2.11.0"), Release.load("2.11.2")])
    assert (missing.exit_code, there.exit_code) == (3, 0)
    assert {part.outcome for part in missing.parts if part.name in PARTS} == {UNCHECKED}
    assert missing.defaults == ()
    assert ("2.11.0", "dags") in told
