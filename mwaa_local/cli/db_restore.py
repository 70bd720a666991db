"""What `mwaa-local db restore` is asked for: the file, the key, the runtime; and what it tells at its end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mwaa_local.cli.session import Session
from mwaa_local.errors import FileMissing

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment
    from mwaa_local.environment.kinds import RuntimeKind
    from mwaa_local.release import Release
    from mwaa_local.restoring.restore import Asked, Restored

STREAM = "-"
FERNET_KEY_VARIABLE = "AIRFLOW__CORE__FERNET_KEY"
RUNTIMES = {"docker": "in Docker", "process": "as processes"}


def show_restored(session: Session, restored: Restored, kind: str, *, as_json: bool) -> None:
    """Say what came in, and note its release, so that the next start says if it takes another one."""
    from mwaa_local.environment.chosen_release import note_last, up_as_last

    console, version = session.console, restored.target.airflow_version
    note_last(session.project, version)
    if as_json:
        console.show_json(
            {
                "airflow_version": version,
                "runtime": kind,
                "from_airflow_version": restored.source,
                "migrated_by": [release.airflow_version for release in restored.way],
                "rows": restored.rows,
                "snapshot_of_before": restored.before or None,
                "unreadable": list(restored.unreadable),
            }
        )
        return
    for name in restored.unreadable:
        console.say(f"left as it is, since no key opens it: {name}")
    place = f"Airflow {version} ({RUNTIMES[kind]})"
    console.say(f"restored {restored.rows} rows into {place}")
    if restored.before:
        console.say(f"`mwaa-local db restore {restored.before}` brings back what was there")
    console.say(f"`{up_as_last(session.project)}` starts the environment")


def runtime_meant(session: Session, environment: Environment | None, runtime: RuntimeKind | None) -> str:
    """Return the runtime whose databases are meant: the one that was named, else the one that has any, else `up`'s."""
    from mwaa_local.runtime.choice import AUTO, choose, with_databases

    wanted: str | None = runtime
    if runtime in (None, AUTO):
        wanted = with_databases(session.project) or (environment.local.runtime if environment else AUTO)
    return choose(wanted or AUTO, session.project, session.env).kind


@contextlib.contextmanager
def source_file(session: Session, source: str, *, yes: bool) -> Iterator[Path]:
    """Give the file to restore: a snapshot's, the one that is named, or what came through stdin."""
    from mwaa_local.database.dump import copy_to
    from mwaa_local.database.snapshots import Snapshots, is_name
    from mwaa_local.restoring.record import SCRATCH_PREFIX
    from mwaa_local.scratch import scratch_folder

    if source != STREAM:
        yield Snapshots(session.project).existing(source) if is_name(source) else Path(source)
        return
    if not yes:
        raise typer.BadParameter("with the dump on stdin nobody can answer; add --yes")
    session.project.make_state_dir()
    with scratch_folder(SCRATCH_PREFIX, session.project.state_dir) as folder:
        copy_to(sys.stdin.buffer, folder / "stdin")
        yield folder / "stdin"


def asked_for(
    session: Session,
    path: Path,
    target: Release,
    key: str | None,
    key_of_env: str | None,
    keep_unreadable: bool,
    leave_out: tuple[str, ...],
) -> Asked:
    """Return what is to be restored, after a look at all of the file. Raises DumpInvalid, DumpRefused for no way.

    The variable is for a dump that pg_dump made, which has no key: the shell of somebody who runs another Airflow has
    that one's key, and nothing says that a dump of ours is of it.
    """
    from mwaa_local.database.dump_format import checked_head
    from mwaa_local.database.fernet import check_keys
    from mwaa_local.database.pg_dump import Kind, kind_of
    from mwaa_local.release import Release
    from mwaa_local.restoring.restore import Asked
    from mwaa_local.restoring.ways import way_between

    kind = kind_of(path)
    if key is None and kind is not Kind.OURS:
        key = key_of_env or None
    check_keys(key or "")
    head = checked_head(path, session.console.show_event) if kind is Kind.OURS else None
    if head is not None:
        way_between(Release.load(head.airflow_version), target)
    return Asked(path, head, kind, key, keep_unreadable, leave_out)


def fernet_key_in(file: Path | None) -> str | None:
    """Return the Fernet key that was named: never as an argument, which other users of the machine can see."""
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FileMissing(f"cannot read the Fernet key: {file}", str(error), "name a text file with the key") from error
