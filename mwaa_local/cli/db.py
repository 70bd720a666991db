"""`mwaa-local db …`: the metadata database written to a file, kept as a snapshot, and brought back."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.db_restore import (
    FERNET_KEY_VARIABLE,
    RUNTIMES,
    STREAM,
    asked_for,
    fernet_key_in,
    runtime_meant,
    show_restored,
    source_file,
)
from mwaa_local.cli.groups import command_group
from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import JsonOption, ProjectOption, ReleaseOption, RuntimeOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import Console, size, table
from mwaa_local.errors import DumpInvalid

if TYPE_CHECKING:
    from mwaa_local.database.dump_format import Head
    from mwaa_local.database.snapshots import Snapshot
    from mwaa_local.environment.kinds import RuntimeKind

HEADERS = ("name", "airflow", "dag runs", "rows", "size", "made")
NOTHING = "-"
DECLINED_EXIT_CODE = 1
SNAPSHOT_NAMES = "A word without a dot and a slash is the name of a snapshot, anything else is a file."

db = command_group(
    no_args_is_help=True,
    help="Write the metadata database to a file, keep snapshots of it, and bring both back: into the same project or "
    "another, as processes or in Docker, into the same release or a newer one.\n\n"
    "Examples:\n\n  mwaa-local db dump airflow.dump\n\n  mwaa-local db restore airflow.dump --yes\n\n"
    "  mwaa-local db snapshot before-cleanup\n\n  mwaa-local db restore before-cleanup",
)


@db.command()
def dump(
    file: Annotated[str, typer.Argument(metavar="FILE", help="`-` is stdout; a name ending in .gz is compressed.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    runtime: RuntimeOption = None,
    airflow_version: ReleaseOption = None,
    project_dir: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Write DAG runs, connections, variables, users and all else of the database to a file. It may run meanwhile.

    The file holds secrets, the Fernet key among them: only you can read it. The same data give the same bytes. Task
    logs are no part of it.

    Examples:

      mwaa-local db dump airflow.dump

      mwaa-local db dump airflow.dump.gz --force

      mwaa-local db dump - | ssh build mwaa-local db restore - --yes
    """
    from mwaa_local.database.dump import check_target, write_dump

    path = Path(file)
    if as_json and file == STREAM:
        raise typer.BadParameter("the dump itself goes to stdout; leave out --json, or name a file")
    check_target(path, force=force)
    session = open_session(project_dir, airflow_version=airflow_version)
    settle_killed(session)
    with _opened(session, runtime) as (version, url, fernet_key):
        tell = session.console.show_event
        try:
            head = write_dump(url, path, airflow_version=version, fernet_key=fernet_key, force=force, tell=tell)
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing may be flushed into it
            raise DumpInvalid("the dump is not whole", "Who reads it has ended.", "see why it ended") from error
    if as_json:
        session.console.show_json({"path": str(path.resolve()), **_head_json(head)})
        return
    session.console.say(f"wrote {head.rows} rows of Airflow {version} to {'stdout' if file == STREAM else file}")
    _say_secrets(session.console, head, "" if file == STREAM else f"; only you can read {file}")


@db.command()
def snapshot(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="By default the time.")] = "",
    runtime: RuntimeOption = None,
    airflow_version: ReleaseOption = None,
    project_dir: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Keep the database as it is now under a name, in .mwaa-local/snapshots/. The environment may run meanwhile.

    Only `db forget` removes a snapshot: `down --volumes` and `reset-db` leave all.

    Examples:

      mwaa-local db snapshot

      mwaa-local db snapshot before-cleanup
    """
    from mwaa_local.database.snapshots import Snapshots

    session = open_session(project_dir, airflow_version=airflow_version)
    settle_killed(session)
    snapshots = Snapshots(session.project)
    name = name or snapshots.free_name("", datetime.now().astimezone())
    snapshots.path(name)  # a name that is none is told before a server is started
    with _opened(session, runtime) as (version, url, fernet_key):
        tell = session.console.show_event
        taken = snapshots.take(name, url, airflow_version=version, fernet_key=fernet_key, tell=tell)
    if as_json:
        session.console.show_json(taken.to_json())
        return
    session.console.say(f"snapshot {name}: Airflow {version}, {size(taken.size_bytes)}")
    if taken.head is not None:
        _say_secrets(session.console, taken.head, f"; only you can read {session.project.relative(taken.path)}")
    session.console.say(f"`mwaa-local db restore {name}` brings it back")


@db.command("list")
def list_snapshots(project_dir: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """List the snapshots of this project, the oldest first.

    Examples:

      mwaa-local db list

      mwaa-local db list --json | jq -r '.snapshots[].name'
    """
    from mwaa_local.database.snapshots import Snapshots

    session = open_session(project_dir)
    found = Snapshots(session.project).all()
    if as_json:
        session.console.show_json({"snapshots": [item.to_json() for item in found]})
    elif found:
        session.console.show(table(HEADERS, [_row(item) for item in found]))
    else:
        session.console.say("no snapshots; `mwaa-local db snapshot` takes one")


@db.command()
def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `db list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project_dir: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Remove a snapshot. It cannot be made again.

    Examples:

      mwaa-local db forget before-cleanup --yes
    """
    from mwaa_local.database.snapshots import Snapshots

    session = open_session(project_dir)
    settle_killed(session)
    snapshots = Snapshots(session.project)
    snapshots.existing(name)
    _confirm(session.console, f"Remove the snapshot {name} of {session.project.root_dir}?", yes=yes)
    with session.exclusive():
        snapshots.forget(name)
    if as_json:
        session.console.show_json({"removed": name})
        return
    session.console.say(f"removed the snapshot {name}")


@db.command()
def restore(
    source: Annotated[str, typer.Argument(metavar="FILE|NAME", help=SNAPSHOT_NAMES)],
    fernet_key_file: Annotated[
        Path | None,
        typer.Option(help="File with the Fernet key of a dump of pg_dump; else AIRFLOW__CORE__FERNET_KEY."),
    ] = None,
    keep_unreadable: Annotated[
        bool, typer.Option("--keep-unreadable", help="Load encrypted values that no key opens as they are.")
    ] = False,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", metavar="TABLE", help="Leave this table empty. Repeatable.")
    ] = None,
    runtime: RuntimeOption = None,
    airflow_version: ReleaseOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project_dir: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Replace the database by a dump or a snapshot. What was there is kept as a snapshot first.

    A dump of an older release is migrated on the way. A running environment is stopped; `mwaa-local up` starts it
    again. Passwords are encrypted anew with the Fernet key of this project. Until the end the database stays as it was,
    also if the command is killed.

    A dump that pg_dump made of another Airflow comes in too. It needs that Airflow's Fernet key if anything in it is
    encrypted; one of mwaa-local carries its own.

    Examples:

      mwaa-local db restore airflow.dump

      mwaa-local db restore before-cleanup --yes

      mwaa-local db restore airflow.pgdump --fernet-key-file fernet.key
    """
    from mwaa_local.restoring.restore import Restoring

    session = open_session(project_dir, airflow_version=airflow_version)
    settle_killed(session)
    environment = session.environment()
    with source_file(session, source, yes=yes) as path:
        target, of_env = session.release(environment), session.env.get(FERNET_KEY_VARIABLE)
        how = (fernet_key_in(fernet_key_file), of_env, keep_unreadable, tuple(leave_out or ()))
        asked = asked_for(session, path, target, *how)
        head = asked.head
        what = f"Airflow {head.airflow_version}, {head.rows_of('dag_run')} DAG runs" if head else asked.kind.value
        kind = runtime_meant(session, environment, runtime)
        place = f"the Airflow {target.airflow_version} database of {session.project.root_dir} ({RUNTIMES[kind]})"
        _confirm(session.console, f"Replace {place} by {source} ({what})?", yes=yes)
        with session.exclusive():
            lifecycle = session.lifecycle()
            lifecycle.choose(kind)
            restored = Restoring(session, environment, lifecycle, session.console.show_event, kind).restore(asked)
    show_restored(session, restored, kind, as_json=as_json)


@contextlib.contextmanager
def _opened(session: Session, runtime: RuntimeKind | None) -> Iterator[tuple[str, str, str]]:
    """Give the Airflow version of the project's database, its URL and the Fernet key."""
    from mwaa_local.secrets import load_secrets

    environment = session.environment()
    version = session.release(environment).airflow_version
    with session.exclusive():
        lifecycle = session.lifecycle()
        lifecycle.choose(runtime_meant(session, environment, runtime))
        with lifecycle.runtime.databases.opened(version) as url:
            yield version, url, load_secrets(session.project.state_dir).fernet_key


def _confirm(console: Console, question: str, *, yes: bool) -> None:
    """Ask, unless told not to. Ends the command at a no."""
    console.make_way()
    if not yes and not typer.confirm(question, err=True):
        raise typer.Exit(DECLINED_EXIT_CODE)


def _say_secrets(console: Console, head: Head, where: str) -> None:
    if head.secrets:
        console.say(f"it holds secrets ({'; '.join(head.secrets)}){where}")


def _head_json(head: Head) -> dict[str, object]:
    return {
        "airflow_version": head.airflow_version,
        "revisions": dict(head.revisions),
        "rows": head.rows,
        "tables": {item.table.name: item.rows for item in head.tables},
        "secrets": list(head.secrets),
    }


def _row(item: Snapshot) -> tuple[str, ...]:
    made = datetime.fromtimestamp(item.made).astimezone().strftime("%Y-%m-%d %H:%M")
    if item.head is None:
        return (item.name, "damaged", NOTHING, NOTHING, size(item.size_bytes), made)
    head = item.head
    runs, rows = str(head.rows_of("dag_run")), str(head.rows)
    return (item.name, head.airflow_version, runs, rows, size(item.size_bytes), made)
