"""What is told of Airflow commands upon a database, and what of it is only passing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mwaa_local.errors import ComponentFailed
from mwaa_local.event import COUNTING, Event
from mwaa_local.release import Release
from mwaa_local.runtime.migrating import run_commands
from mwaa_local.steps import Steps

# As Airflow 2 and 3 show them.
BEFORE, AFTER = "INFO  [alembic.runtime.migration] ", " [alembic.runtime.migration] loc=migration.py:616"
CHANGES = tuple(f"{BEFORE}Running upgrade {n} -> {n + 1}, change {n}.{AFTER if n % 2 else ''}" for n in range(90))
NOWHERE = "postgresql://127.0.0.1:1/nowhere"


def told_of(exit_code: int) -> list[Event]:
    """Return what is told of a command that makes many changes of the schema, and ends so."""
    events: list[Event] = []

    def execute(_words: Sequence[str], on_line: Callable[[str], None]) -> tuple[int, str]:
        for line in CHANGES:
            on_line(line)
        return exit_code, "\n".join(CHANGES)

    steps, release = Steps(events.append), Release.load("2.11.2")
    commands, passing = [("db", "upgrade-by-hand")], steps.passing("database")
    try:
        steps.do("database", lambda say: run_commands(release, NOWHERE, commands, execute, say, passing, "password"))
    except ComponentFailed as error:
        assert CHANGES[-1] in error.why
        assert exit_code
    return events


@pytest.mark.parametrize(("exit_code", "state"), [(0, "done"), (1, "failed")])
def test_changes_of_the_schema_after_the_first_are_only_passing(exit_code: int, state: str) -> None:
    events = told_of(exit_code)
    lasting = [(event.state, event.detail) for event in events if event.state != COUNTING]
    first = "Running upgrade 0 -> 1, change 0."
    assert lasting == [("working", "airflow db upgrade-by-hand"), ("working", first), (state, "")]
    assert [event.detail for event in events if event.state == COUNTING][-1] == "Running upgrade 89 -> 90, change 89."
