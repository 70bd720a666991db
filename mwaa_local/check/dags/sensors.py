"""Sensors of a DAG file that wait in poke mode, and so hold a worker slot all the time.

Only those of Airflow and its providers: what a class of somebody else's does while it waits is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mwaa_local.check.dags.source import Call, Source

_SENSOR = "Sensor"
_AIRFLOW = "airflow."
_DECORATOR = ".task.sensor"
_DEFERS = "AsyncSensor"  # as the names of some end that have no other way of waiting
_ENDED_BY_ITSELF = frozenset(("SmartSensor",))
# Without the argument `deferrable`, so that operators.default_deferrable is nothing to them.
_NEVER_DEFERRABLE = frozenset(("BashSensor", "PythonSensor", "SqlSensor"))
_POKE = "poke"


@dataclass(frozen=True)
class PokingSensor:
    """One sensor, and what to call it in messages."""

    call: Call
    name: str


def poking_sensors(source: Source) -> Iterator[PokingSensor]:
    """Yield the sensors that hold their slot while waiting, as far as the file tells; in doubt, none."""
    for call in source.tasks:
        is_decorator = call.name.endswith(_DECORATOR)
        is_sensor = call.name.startswith(_AIRFLOW) and call.last_name.endswith(_SENSOR)
        if call.last_name.endswith(_DEFERS) or call.last_name in _ENDED_BY_ITSELF:
            continue
        is_known = not call.is_open and not source.default_args.is_open
        if (is_decorator or is_sensor) and is_known and _pokes(source, call):
            yield PokingSensor(call, "@task.sensor" if is_decorator else call.last_name)


def _pokes(source: Source, call: Call) -> bool:
    mode, deferrable = (source.task_argument(call, name) for name in ("mode", "deferrable"))
    is_poke = mode is None or source.constant(mode) == _POKE
    if deferrable is None:
        never = call.last_name in _NEVER_DEFERRABLE or call.name.endswith(_DECORATOR)
        return is_poke and (never or not source.environment.default_deferrable)
    return is_poke and source.constant(deferrable) is False
