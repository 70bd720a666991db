"""Airflow commands upon a database: their variables, what is told of them, and how they are judged, whoever runs them.

Requirements that break Airflow must not break the database, so the release's own packages alone have a part in it;
MWAA's container for it has no other either.

An exit code is not enough: some releases report an error of a migration and end as if all were well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.configuration.merge import MIGRATE_DB
from mwaa_local.database.revision import revision
from mwaa_local.errors import QUOTED, ComponentFailed, DiskFull, line_on_full_disk
from mwaa_local.masking import MASK
from mwaa_local.packages import PythonEnvironment
from mwaa_local.release import Release
from mwaa_local.steps import Say
from mwaa_local.wanted import Wanted

# A long history takes its time: Airflow moves rows of task instances in one statement.
COMMAND_TIMEOUT_S = 3600.0
LAST_LINES = 20
TO_REVISION = "--to-revision"
TO_VERSION = "--to-version"  # of `db downgrade` and `db migrate`
# Of Alembic, one for each change of the schema. Airflow 3 writes behind it which module and line says so.
_STEP = re.compile(r"Running (?:upgrade|downgrade) .*?(?=\s+\[alembic\.|$)")

# Runs a command, the words after `airflow`, and tells each line of its output; returns exit code and output.
Execute = Callable[[Sequence[str], Callable[[str], None]], tuple[int, str]]


def run_commands(
    release: Release,
    url: str,
    commands: Sequence[Sequence[str]],
    execute: Execute,
    say: Say,
    say_change: Say,
    hide: str,
    script: Path | None = None,
) -> None:
    """Run commands of a release upon the database `url` one after another.

    `say` is told of each command and of its first change of the schema, `say_change` of the others, of which there may
    be a hundred. `hide` is the database's password, not to be shown. Raises ComponentFailed, or DiskFull where a
    command reports that.
    """
    tell = say

    def told(line: str) -> None:
        nonlocal tell
        if step := _STEP.search(line):
            tell(step.group())
            tell = say_change

    for words in commands:
        called = script.stem.replace("_", " ") if script else "airflow"
        name = " ".join([called, *takewhile(lambda word: not word.startswith("-"), words)])
        say(name)
        tell = say
        exit_code, output = execute(words, told)
        output = output.replace(hide, MASK)
        if exit_code != 0:
            raise _failed(f"`{name}` of Airflow {release.airflow_version} failed: exit code {exit_code}", output)
        wanted = _revision_after(release, words)
        if wanted and (found := revision(url)) != wanted:
            what = f"`{name}` of Airflow {release.airflow_version} ended without the schema that it is for"
            raise _failed(f"{what}: revision {found or 'none'} in the place of {wanted}", output)


def program_argv(release: Release, python: str, script: Path | None) -> tuple[str, ...]:
    """Return the words before those of a command: Airflow's, or a program of ours that may import it.

    Its text travels, not its path: containers do not see that, and modules of ours beside it have names of others.
    """
    return (python, "-I", "-c", script.read_text(encoding="utf-8")) if script else release.airflow_argv(python)


def _revision_after(release: Release, words: Sequence[str]) -> str:
    """Return the revision to which a command leads; "" where it leads to none, or to one that is not known."""
    if tuple(words) == release.migrate_argv:
        return release.database_revision
    if TO_REVISION in words[:-1]:
        return words[words.index(TO_REVISION) + 1]
    if TO_VERSION in words[:-1] and (version := words[words.index(TO_VERSION) + 1]) in Release.versions():
        return Release.load(version).database_revision
    return ""


def migration_env(
    wanted: Wanted,
    packages: PythonEnvironment,
    url: str,
    home_dir: str,
    *,
    fernet_key: str = "",
    left_out: frozenset[str] = frozenset(),
) -> Mapping[str, str]:
    """Return the complete environment of Airflow commands upon a database, at `home_dir` as they see it.

    `fernet_key` is for a database in which something is encrypted; `left_out` is what the place has of its own.
    """
    database = sqlalchemy_url(url)
    values = replace(PREVIEW, database_url=database, result_backend=f"db+{database}", airflow_home=home_dir)
    values = replace(values, fernet_key=fernet_key)
    parts = (wanted.project, wanted.environment, wanted.release, values, home_dir, wanted.env, left_out)
    return Configuration(*parts).merged_for(MIGRATE_DB, packages, {}).as_env()


def sqlalchemy_url(url: str) -> str:
    """Return a database's URL as Airflow wants it."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def _failed(what: str, output: str) -> ComponentFailed | DiskFull:
    last = "\n".join(f"{QUOTED}{line}" for line in output.rstrip().splitlines()[-LAST_LINES:])
    kind = DiskFull if line_on_full_disk(output) else ComponentFailed
    return kind(what, f"Its last lines:\n{last}", "the lines say what Airflow could not do with this database's rows")
