"""`mwaa-local sync`: the DAGs of the source bucket now, or what would be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.errors import NotRunning, ProjectNotFound
from mwaa_local.project import Project

if TYPE_CHECKING:
    from mwaa_local.sync.applying import Synced
    from mwaa_local.sync.plan import Left, SyncPlan
    from mwaa_local.sync.state import Source

DIFFER_EXIT_CODE = 1
NO_AWS_HINT = "run `mwaa-local up` in the project that has `Local: {Aws: local}`, or set AWS_ENDPOINT_URL"


def sync(
    name: Annotated[
        str, typer.Argument(metavar="[ENVIRONMENT]", help="One that the MWAA API made for the project.")
    ] = "",
    project_dir: ProjectOption = Path(),
    plan: Annotated[bool, typer.Option("--plan", help="Show what goes where, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the DAGs of an environment's source bucket into its DAGs folder now.

    A running environment does so every 30 seconds by itself. Only files that came from the bucket are replaced or
    deleted; one that you changed or put there stays, and is listed. An environment that `up` made shows your folders,
    so there is nothing to bring; --plan lists which objects they are in a local AWS.

    Exits with 0 when bucket and folder are equal, or were made so, and with 1 when they differ.

    Examples:

      mwaa-local sync orders

      mwaa-local sync orders --plan --json
    """
    from mwaa_local.sync.state import SyncState

    session = open_session(project_dir)
    project = _project_of(session, name)
    source = SyncState(project).source
    if source is None:
        _show_folders(session, as_json=as_json, is_plan=plan)
        return
    environment_sync = _sync_of(session, project, source)
    if plan:
        wanted = environment_sync.plan()
        _show(session, source, wanted, wanted.left, as_json=as_json, applied=None)
        equal = wanted.is_nothing and not wanted.left and not wanted.skipped
    else:
        synced = environment_sync.run()
        assert synced is not None  # the first of a process always looks
        _show(session, source, synced.plan, synced.left, as_json=as_json, applied=synced)
        equal = not synced.left and not synced.plan.skipped
    if not equal:
        raise typer.Exit(DIFFER_EXIT_CODE)


def _project_of(session: Session, name: str) -> Project:
    """Return the project of an environment; that of the session without a name. Raises ProjectNotFound."""
    from mwaa_local.api.environments.registry import Registry

    if not name:
        return session.project
    registry = Registry.of_project(session.project, session.env)
    found = {served.name: served.project for served in registry.all()}
    if name not in found:
        why = f"There are: {', '.join(sorted(found)) or 'none'}."
        raise ProjectNotFound(f"there is no environment {name} here", why, "name one of them, or none")
    return found[name]


def _sync_of(session: Session, project: Project, source: Source) -> Any:
    from mwaa_local.local_aws import endpoint_for
    from mwaa_local.sync.of_environment import EnvironmentSync

    url = endpoint_for(project, session.env)
    if url is None:
        raise NotRunning(f"cannot read {source.place}: no AWS of this machine runs", hint=NO_AWS_HINT)
    return EnvironmentSync(project, source, url)


def _show(
    session: Session,
    source: Source,
    plan: SyncPlan,
    left: tuple[Left, ...],
    *,
    as_json: bool,
    applied: Synced | None,
) -> None:
    written = set(applied.written) if applied else {get.name for get in plan.gets}
    deleted = applied.deleted if applied else tuple(delete.name for delete in plan.deletes)
    gets = [get for get in plan.gets if get.name in written]
    if as_json:
        plain = {
            "source": source.place,
            "applied": applied is not None,
            "write": [{"name": get.name, "reason": get.reason, "bytes": get.item.size} for get in gets],
            "delete": list(deleted),
            "left": [{"name": one.name, "why": one.why} for one in left],
            "skipped": [{"key": one.key, "why": one.why} for one in plan.skipped],
        }
        print(json.dumps(plain, indent=2))
        return
    for get in gets:
        print(f"write   dags/{get.name}  ({get.reason})")
    for name in deleted:
        print(f"delete  dags/{name}")
    for one in left:
        print(f"stays   dags/{one.name}  ({one.why})")
    for skipped in plan.skipped:
        print(f"skip    s3://{source.bucket}/{ascii(skipped.key)[1:-1]}  ({skipped.why})")
    verbs = ("written", "deleted") if applied else ("to write", "to delete")
    session.console.say(f"{source.place}: {len(gets)} {verbs[0]}, {len(deleted)} {verbs[1]}")


def _is_there(path: Path) -> bool:
    """Say whether a part of the project can be objects: a file, or a folder that is not empty."""
    try:
        return path.is_file() or any(path.iterdir())
    except OSError:
        return False


def _show_folders(session: Session, *, as_json: bool, is_plan: bool) -> None:
    """Show which objects of a local AWS the project's folders are."""
    from mwaa_local.services.aws_mirror import bucket_of, parts_of

    environment = session.environment()
    bucket, folders = bucket_of(environment), session.project.delivery.folders
    parts = [
        (part.kind, f"s3://{bucket}/{part.key}", session.project.relative(folders[part.name] / part.rest))
        for part in parts_of(environment)
        if bucket and _is_there(folders[part.name] / part.rest)
    ]
    if as_json:
        objects = [{"kind": kind, "object": place, "from": shown} for kind, place, shown in parts]
        print(
            json.dumps({"source": "folders", "applied": False, "bucket": bucket or None, "objects": objects}, indent=2)
        )
        return
    for kind, place, shown in parts if is_plan else ():
        print(f"{shown}{'/' if kind == 'folder' else ''}  ->  {place}{'  (zipped)' if kind == 'zip' else ''}")
    session.console.say("nothing to sync: components see the project's own folders")
    if is_plan and not bucket:
        session.console.say("mwaa.yaml names no SourceBucketArn, so no bucket of a local AWS shows them")
