"""Sensors of a DAG file that wait in poke mode, and so hold a worker slot all the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mwaa_local.check.dags.source import Call, Source

_SENSOR = "Sensor"
_DECORATOR = ".task.sensor"
_ENDED_BY_ITSELF = frozenset(("SmartSensor",))
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
        is_sensor = call.last_name.endswith(_SENSOR) and call.last_name not in _ENDED_BY_ITSELF
        is_known = not call.is_open and not source.default_args.is_open
        if (is_decorator or is_sensor) and is_known and _pokes(source, call):
            yield PokingSensor(call, "@task.sensor" if is_decorator else call.last_name)


def _pokes(source: Source, call: Call) -> bool:
    mode, deferrable = (source.task_argument(call, name) for name in ("mode", "deferrable"))
    is_poke = mode is None or source.constant(mode) == _POKE
    return is_poke and (deferrable is None or source.constant(deferrable) is False)
