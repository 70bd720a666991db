"""What Airflow's own commands print as JSON, whatever they log around it."""

from __future__ import annotations

import json
from typing import Any


def json_in(output: str) -> Any:
    """Return the list that `airflow … --output json` printed.

    Some releases, now and then, log lines on stdout as well: `2026-11-30T12:00:00Z [warning  ] Could not import
    graphviz.` of Airflow 3, `[2026-11-30T12:00:00.000+0000] {dagbag.py:540} INFO - …` of Airflow 2. Raises
    AssertionError with all of the output where no list begins a line.
    """
    lines = output.splitlines(keepends=True)
    begin = next((number for number, line in enumerate(lines) if _begins_list(line)), None)
    assert begin is not None, f"there is no JSON in: {output!r}"
    found, _ = json.JSONDecoder().raw_decode("".join(lines[begin:]))
    return found


def _begins_list(line: str) -> bool:
    return line.startswith(("[{", "[]")) or line.rstrip() == "["
