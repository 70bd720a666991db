"""Variables for pip and Python that the startup script leaves exported: every pip that a task starts has them, too.

A script exports them for a command of its own, and Airflow, which gets all that is exported, hands them to its tasks.
Virtual environments of tasks are where they do harm: pip installs elsewhere, or not at all.

Source: pip's documentation ("Configuration", environment variables; values of its options); Python's on `PYTHONHOME`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_OFF = frozenset(("", "0", "false", "no", "off", "f", "n"))  # pip's words for no (pip/_internal/utils/misc, strtobool)
_ELSEWHERE = "pip installs there and not into the virtual environment, which then has none of it."
_EFFECTS = {
    "PIP_USER": "pip refuses to install into a virtual environment; into one with system_site_packages=True it puts "
    "its packages over Airflow's own, in ~/.local.",
    "PIP_TARGET": _ELSEWHERE,
    "PIP_PREFIX": _ELSEWHERE,
    "PIP_ROOT": _ELSEWHERE,
    "PIP_NO_INDEX": "pip asks no index, and finds no package.",
    "PIP_REQUIRE_VIRTUALENV": "pip refuses to install outside of virtual environments, MWAA's own install of the "
    "requirements included.",
    "PYTHONHOME": "Python looks for its standard library there, also that of a virtual environment.",
}
_SWITCHES = frozenset(("PIP_USER", "PIP_NO_INDEX", "PIP_REQUIRE_VIRTUALENV"))
_WITH = {"PIP_NO_INDEX": "PIP_FIND_LINKS"}  # what makes it work
_REACH = "Airflow hands what the script exports to its tasks: "


@dataclass(frozen=True)
class PipVariable:
    """One such variable. `line` is where the script sets it last; 0 where it does so in another way."""

    name: str
    line: int
    why: str

    @property
    def what(self) -> str:
        return f"{self.name} stays set for Airflow, and for every pip and Python that tasks start"

    @property
    def hint(self) -> str:
        alone = f"{self.name}={'1' if self.name in _SWITCHES else 'DIR'} pip …"
        return f"write `unset {self.name}` at the script's end, or give it to the one command: `{alone}`"


def pip_variables(script: str, exported: Mapping[str, str]) -> tuple[PipVariable, ...]:
    """Return which of them are among what the script left exported, by line."""
    return tuple(sorted(_found(script, exported), key=lambda item: (item.line, item.name)))


def _found(script: str, exported: Mapping[str, str]) -> Iterator[PipVariable]:
    for name, effect in _EFFECTS.items():
        value = exported.get(name)
        is_off = value is None or not value or (name in _SWITCHES and value.strip().lower() in _OFF)
        if not is_off and _WITH.get(name, "") not in exported:
            yield PipVariable(name, _line_of(name, script), _REACH + effect)


def _line_of(name: str, script: str) -> int:
    """Return the last line that sets the variable, by itself or among others."""
    sets = re.compile(rf"^[^#]*(?<![\w$]){name}=|^\s*(?:export|declare -x)\b[^#]*\b{name}\b")
    lines = [number for number, line in enumerate(script.splitlines(), 1) if sets.search(line)]
    return lines[-1] if lines else 0
