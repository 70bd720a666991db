"""Airflow commands upon a database: told of while they run, and judged by what they leave, whoever runs them.

An exit code is not enough: some releases report an error of a migration and end as if all were well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from mwaa_local.database.revision import revision
from mwaa_local.errors import ComponentFailed, DiskFull, line_on_full_disk
from mwaa_local.release import Release
from mwaa_local.steps import Say

# A long history takes its time: Airflow moves rows of task instances in one statement.
COMMAND_TIMEOUT_S = 3600.0
LAST_LINES = 20
_STEP = re.compile(r"Running (?:upgrade|downgrade) .*")  # of Alembic, one for each change of the schema

# Runs a command, the words after `airflow`, and tells each line of its output; returns exit code and output.
Execute = Callable[[Sequence[str], Callable[[str], None]], tuple[int, str]]


def run_commands(
    release: Release, url: str, commands: Sequence[Sequence[str]], execute: Execute, say: Say, hide: str
) -> None:
    """Run commands of a release upon the database `url` one after another.

    `hide` is its password, not to be shown. Raises ComponentFailed, or DiskFull where a command reports that.
    """

    def told(line: str) -> None:
        if step := _STEP.search(line):
            say(step.group())

    for words in commands:
        name = f"airflow {' '.join(takewhile(lambda word: not word.startswith('-'), words))}"
        say(name)
        exit_code, output = execute(words, told)
        output = output.replace(hide, "***")
        if exit_code != 0:
            raise _failed(f"`{name}` of Airflow {release.airflow_version} failed: exit code {exit_code}", output)
        if tuple(words) == release.migrate_argv and (found := revision(url)) != release.database_revision:
            what = f"`{name}` of Airflow {release.airflow_version} did not bring the database to its schema"
            raise _failed(f"{what}: revision {found or 'none'} in the place of {release.database_revision}", output)


def _failed(what: str, output: str) -> ComponentFailed | DiskFull:
    last = "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-LAST_LINES:])
    kind = DiskFull if line_on_full_disk(output) else ComponentFailed
    return kind(what, f"Its last lines:\n{last}", "the lines say what Airflow could not do with this database's rows")
