"""All of it as Prometheus reads it: the text format, version 0.0.4 (its documentation, "Exposition formats").

Airflow's names become families with labels where the table of MWAA's names says what is in them, so that
`ti.finish.orders.load.success` is `airflow_ti_finish_total{dag="orders",task="load",state="success"}`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.metrics.datum import SECONDS
from mwaa_local.metrics.figures import Figures, read_figures
from mwaa_local.metrics.minutes import MINUTE_S, Sums, minute_of, read_now
from mwaa_local.metrics.names import ALL, in_guide_units, template_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_S = 3 * MINUTE_S  # what is older holds no more: the environment does not run
# Sent as a counter that goes up and down: how many processes began or ended (Airflow's docs, "Metrics").
COUNTERS_THAT_FALL = frozenset({"dag_processing.processes"})
COUNTER, GAUGE, SUMMARY = "counter", "gauge", "summary"
_UNFIT = re.compile(r"[^a-zA-Z0-9_]+")
_PLACE = re.compile(r"\{([^}*]*)\*?\}")
_ESCAPES = {"\\": r"\\", "\n": r"\n", '"': r"\""}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """All samples of one name; a summary's are (count, sum). `sent` is Airflow's own name, without parts."""

    kind: str
    help: str
    sent: str = ""
    samples: dict[Labels, tuple[float, ...]] = field(default_factory=dict)

    def add(self, labels: Labels, *values: float) -> None:
        before = self.samples.get(labels)
        if before is None or self.kind == GAUGE:
            self.samples[labels] = values
        else:
            self.samples[labels] = tuple(one + other for one, other in zip(before, values, strict=True))


class Exposition:
    """What is told of several environments."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._with_parts: set[str] = set()  # names of Airflow's, without their parts

    def add(
        self, environment: str, folder: Path, millisecond_timers: Sequence[str] = (), now: float | None = None
    ) -> None:
        """Add an environment, out of the folder of its minutes; nothing of one that does not run.

        `millisecond_timers` are those of its Release.
        """
        now = time.time() if now is None else now
        written = read_now(folder)
        if written is not None and now - written[0] <= FRESH_S:
            self._add_airflow(environment, in_guide_units(written[1], millisecond_timers))
        found = read_figures(folder, minute_of(now - FRESH_S), minute_of(now))
        if found:
            self._add_figures(environment, found[max(found)])

    def text(self) -> str:
        return "".join(self._lines())

    def _add_airflow(self, environment: str, sums: Sums) -> None:
        for name, value in sums.counters.items():
            if name in COUNTERS_THAT_FALL:
                self._put(name, "", GAUGE, environment, value)
            else:
                self._put(name, "_total", COUNTER, environment, value)
        for name, spread in sums.gauges.items():
            self._put(name, "", GAUGE, environment, spread.last)
        for name, spread in sums.timers.items():
            unit = "_seconds" if _is_in_seconds(name) else "_milliseconds"
            self._put(name, unit, SUMMARY, environment, spread.count, spread.total)

    def _put(self, sent: str, suffix: str, kind: str, environment: str, *values: float) -> None:
        name, template, labels = _family(sent)
        words = f"Airflow's {template}, by StatsD."
        family = self._families.setdefault(name + suffix, Family(kind, words, name))
        if labels:
            self._with_parts.add(name)
            family.help = words
        if family.kind == kind:
            family.add((("environment", environment), *sorted(labels.items())), *values)

    def _add_figures(self, environment: str, found: Figures) -> None:
        for name, each in found.components.items():
            about = (("component", name), ("environment", environment))
            self._tell("component_cpu_percent", "Processor time within a minute, of one core.", about, each.cpu_percent)
            self._tell("component_memory_bytes", "Memory.", about, each.memory_bytes)
        for name, age_s in found.heartbeat_ages_s.items():
            about = (("component", name), ("environment", environment))
            self._tell("heartbeat_age_seconds", "Since the newest heartbeat, at the minute's end.", about, age_s)
        if found.tasks is not None:
            alone = (("environment", environment),)
            self._tell("tasks_running", "Task instances that run.", alone, found.tasks.running)
            self._tell("tasks_queued", "Task instances that wait for a worker.", alone, found.tasks.queued)
            words = "For how long the oldest of these has waited."
            self._tell("oldest_queued_task_seconds", words, alone, found.tasks.oldest_queued_s)

    def _tell(self, name: str, words: str, labels: Labels, value: float) -> None:
        self._families.setdefault(f"mwaa_local_{name}", Family(GAUGE, words)).add(labels, value)

    def _lines(self) -> Iterator[str]:
        for name, family in sorted(self._families.items()):
            samples = sorted(family.samples.items())
            if family.sent in self._with_parts:  # the same was sent a second time, without the parts of its name
                samples = [(labels, values) for labels, values in samples if len(labels) > 1]
            if samples:
                yield f"# HELP {name} {_escaped(family.help)}\n# TYPE {name} {family.kind}\n"
            for labels, values in samples:
                given = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
                suffixes = ("_count", "_sum") if family.kind == SUMMARY else ("",)
                for suffix, value in zip(suffixes, values, strict=True):
                    yield f"{name}{suffix}{{{given}}} {value!r}\n"


def _family(name: str) -> tuple[str, str, Mapping[str, str]]:
    """Return the name of a family, the template of Airflow's name, and the labels that are in that name."""
    found = template_of(name)
    if found is None:
        return f"airflow_{_fit(name)}", name, {}
    template, parts = found
    words = _PLACE.sub(lambda place: "job" if place[1] == "Job" else "", template)
    return f"airflow_{_fit(words)}", template, {_fit(key.lower()): value for key, value in parts.items()}


def _fit(text: str) -> str:
    return _UNFIT.sub("_", text).strip("_")


def _is_in_seconds(name: str) -> bool:
    found = template_of(name)
    return found is not None and ALL[found[0]].unit == SECONDS


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
