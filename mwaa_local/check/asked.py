"""Variables and Connections that the project's code asks for at import and that are not known here: findings."""

from __future__ import annotations

from dataclasses import dataclass

from mwaa_local.finding import ERROR, NOTE, Finding

VARIABLE, CONNECTION = "variable", "connection"  # kinds of AskedValue
WHEN_PARSED = "At the top level, it is looked up each time the file is parsed."
WHEN_LOADED = "In a plugin, it is looked up each time a component of Airflow starts."


@dataclass(frozen=True)
class AskedValue:
    """A Variable or Connection that a file asked for without a default, and that does not exist."""

    kind: str
    name: str
    path: str
    line: int


def asked_finding(asked: AskedValue, when: str = WHEN_PARSED, *, strict: bool = False) -> Finding:
    """Return the finding; `when` says how often a Variable is looked up. `strict`: it is an error."""
    variable = asked.kind == VARIABLE
    noun, prefix = ("Variable", "AIRFLOW_VAR_") if variable else ("Connection", "AIRFLOW_CONN_")
    why = f"This check used a placeholder. {when}" if variable else "This check used a placeholder."
    hint = f"put it into airflow_settings.yaml, or {prefix}{asked.name.upper()} into the startup script"
    what = f"{noun} {asked.name} is not known here"
    return Finding(f"missing-{asked.kind}", ERROR if strict else NOTE, asked.path, asked.line, what, why, hint)
