"""The last hour on the console page: drawings made here, with their values in words, and gaps where nothing was."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mwaa_local.api.page.metrics import HEIGHT, NOTHING, WIDTH, metrics_part
from mwaa_local.database.tasks import TaskCounts
from mwaa_local.metrics.figures import ComponentFigures, Figures, append_figures
from mwaa_local.project import Project
from mwaa_local.services.metrics import metrics_dir

NOON = 1_796_040_000
MIB = 1 << 20


@pytest.fixture
def served(tmp_path: Path) -> Any:
    project = Project(tmp_path)
    metrics_dir(project).mkdir(parents=True)
    return SimpleNamespace(project=project)


def measure(served: Any, ago: int, running: int, *, cpu: float = 10.0, tasks: bool = True) -> None:
    components = {"a": ComponentFigures(cpu, 100 * MIB), "b": ComponentFigures(cpu, 200 * MIB)}
    counts = TaskCounts(running, 1, 0.0) if tasks else None
    append_figures(metrics_dir(served.project), NOON - ago * 60, Figures(components, counts))


def points(text: str, number: int) -> list[list[tuple[str, float, float]]]:
    """Return the ways of the lines of one drawing: what begins a step, and where it goes."""
    drawing = text.split("<svg")[number + 1]
    ways = re.findall(r'd="([^"]*)"', drawing)
    return [[(word, float(x), float(y)) for word, x, y in re.findall(r"([ML])([\d.]+) ([\d.]+)", way)] for way in ways]


def test_what_was_not_measured_is_said(served: Any) -> None:
    assert NOTHING in metrics_part(served, NOON).text
    measure(served, 61, 1)
    assert NOTHING in metrics_part(served, NOON).text


def test_values_are_in_words_and_in_their_places(served: Any) -> None:
    measure(served, 60, 0)
    measure(served, 30, 4)
    measure(served, 0, 2, cpu=25.0)
    text = metrics_part(served, NOON + 59).text
    captions = re.findall(r"<figcaption>([^<]*)<", text)
    assert captions == [
        "Tasks: running 2, queued 1 now, at most 4",
        "CPU, of one core: used 50 % now, at most 50 %",
        "Memory: used 300 MiB now, at most 300 MiB",
    ]
    assert re.findall(r'aria-label="([^"]*)"', text) == captions
    running, queued = points(text, 0)
    floor = HEIGHT - 18
    assert [(x, y) for _, x, y in running] == [(0, floor), (WIDTH / 2, 14), (WIDTH, (floor + 14) / 2)]
    assert {y for _, _, y in queued} == {floor - (floor - 14) / 4}


def test_minutes_without_a_measure_are_gaps(served: Any) -> None:
    for ago in (20, 19, 18, 10, 9, 3):
        measure(served, ago, 1)
    [running, _] = points(metrics_part(served, NOON).text, 0)
    assert "".join(word for word, _, _ in running) == "MLLMLM"


def test_nothing_to_do_and_a_database_that_is_away_are_drawn_too(served: Any) -> None:
    measure(served, 1, 0, cpu=0.0, tasks=False)
    text = metrics_part(served, NOON).text
    assert "Tasks: not measured" in text
    assert "CPU, of one core: used 0 % now, at most 0 %" in text
    assert text.count("<svg") == 2


def test_nothing_comes_from_elsewhere_and_no_style_is_in_an_attribute(served: Any) -> None:
    measure(served, 1, 1)
    text = metrics_part(served, NOON).text
    assert not re.search(r"https?://|<script|<image|<use|href=|style=|on\w+=", text)
