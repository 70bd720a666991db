"""`mwaa-local cache …`: what is kept outside of projects, and the removal of what no project uses."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mwaa_local.cli.confirm import confirm
from mwaa_local.cli.groups import command_group
from mwaa_local.cli.parameters import JsonOption
from mwaa_local.console import Console, duration, size, standard, table
from mwaa_local.errors import AccessDenied
from mwaa_local.event import COUNTING, Event
from mwaa_local.workspace import cache_dir_of

if TYPE_CHECKING:
    from mwaa_local.cache.item import Item, Wanted
    from mwaa_local.cache.prune import Cache, Inventory, Pruned

RELEASE_HEADERS = ("airflow", "items", "size", "unused")
HEADERS = ("kind", "airflow", "name", "size", "last used", "used by")
NOTHING = "-"
DEFAULT_AGE = "7d"  # who goes from release to release and back within days does not wait again
UNITS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}

cache = command_group(
    no_args_is_help=True,
    help="Show and remove what mwaa-local keeps outside of projects.\n\n"
    "That is the cache folder, Docker images and Docker volumes. No project is needed.\n\n"
    "Examples:\n\n  mwaa-local cache list\n\n  mwaa-local cache prune --dry-run\n\n"
    "  mwaa-local cache prune --older-than 30d",
)


@cache.command("list")
def list_items(as_json: JsonOption = False) -> None:
    """Show everything that is kept outside of projects: for which release, how large, when and by which project used.

    Then the totals of each release, and how much of that no project uses.

    A file with several names counts once. An image counts with the layers that it shares with others.

    Examples:

      mwaa-local cache list

      mwaa-local cache list --json | jq '.items[] | select(.used_by == [])'
    """
    console, cache_dir = standard(os.environ), cache_dir_of(os.environ)
    inventory = _open(cache_dir).inventory(_measuring(console))
    if as_json:
        console.show_json(
            {
                "cache_dir": str(cache_dir),
                "items": [item.to_json() for item in inventory.items],
                "releases": by_release(inventory.items),
                "foreign": list(inventory.foreign),
                "docker_skipped": inventory.no_docker or None,
            }
        )
        return
    if inventory.items:
        now = time.time()
        console.show(table(HEADERS, [_row(item, now) for item in inventory.items]))
        console.show("\n" + table(RELEASE_HEADERS, [_release_row(each) for each in by_release(inventory.items)]))
        total = sum(item.size_bytes or 0 for item in inventory.items)
        console.say(
            f"\n{_counted(len(inventory.items))}, {size(total)}; `mwaa-local cache prune` removes what is unused"
        )
    else:
        console.say(f"nothing is kept in {cache_dir}" + (" or in Docker" if not inventory.no_docker else ""))
    _say_left_alone(console, cache_dir, inventory)


@cache.command()
def prune(
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help=f"Only what was unused for 12h, 30d, 2w; else {DEFAULT_AGE}."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that no project uses, whatever its age.")] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Also Docker's databases and queues of projects that are gone.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no project uses: package sets, empty databases, images, volumes of projects that are gone.

    A stopped project uses what it needs for its next start, until its folder or its .mwaa-local is gone. What is
    removed is made again when it is needed; files that uv's own cache shares stay there. On a terminal you are asked
    first; elsewhere only for --volumes, whose data cannot be made again.
    Exit codes: 0 done, 1 you said no, 3 something could not be removed.

    Examples:

      mwaa-local cache prune --dry-run

      mwaa-local cache prune --older-than 30d

      mwaa-local cache prune --all --yes
    """
    wanted = _wanted(older_than, every=every, volumes=volumes)
    console, cache_dir = standard(os.environ), cache_dir_of(os.environ)
    _refuse_folder_of_another(cache_dir)
    opened = _open(cache_dir)
    inventory = opened.inventory(_measuring(console))
    planned = opened.plan(inventory, wanted)
    if dry_run:
        _show(console, cache_dir, inventory, planned, as_json=as_json, dry_run=True)
        return
    if planned.removed and not yes:
        _ask(planned)
    done = opened.prune(inventory, wanted, lambda item: None if as_json else _show_removed(console, item))
    _show(console, cache_dir, inventory, done, as_json=as_json)
    _require_removed(done)


def _wanted(older_than: str | None, *, every: bool, volumes: bool) -> Wanted:
    """Return what may go. Raises BadParameter for an age that is none, or one beside --all."""
    from mwaa_local.cache.item import Wanted

    if every and older_than is not None:
        raise typer.BadParameter("--all and --older-than exclude each other")
    return Wanted(0.0 if every else seconds(older_than or DEFAULT_AGE), volumes)


def _open(cache_dir: Path) -> Cache:
    from mwaa_local.cache.prune import Cache

    return Cache(cache_dir, os.environ)


def _measuring(console: Console) -> Callable[[str], None]:
    """Return who tells what is being measured: a large cache takes a while."""
    return lambda what: console.show_event(Event("sizes", COUNTING, detail=what))


def _refuse_folder_of_another(cache_dir: Path) -> None:
    if cache_dir.is_dir() and cache_dir.stat().st_uid != os.geteuid():
        raise AccessDenied(
            f"the cache folder {cache_dir} belongs to another user",
            "mwaa-local cannot tell what its projects use.",
            "run this as the user who owns it, without sudo",
        )


def _ask(planned: Pruned) -> None:
    """Ask where somebody is there to answer, or where data would be lost. Ends the command at a no."""
    if not sys.stdin.isatty() and not any(item.is_data for item in planned.removed):
        return
    for item in planned.removed:
        print(f"{item.kind} {item.name}", file=sys.stderr)
    question = f"Remove {_counted(len(planned.removed))}, {size(planned.freed_bytes)}?"
    if not sys.stdin.isatty():
        raise typer.BadParameter("--volumes removes data; without a terminal it needs --yes")
    confirm(question)


def _require_removed(done: Pruned) -> None:
    """Raise AccessDenied where something could not be removed."""
    if done.problems:
        raise AccessDenied(
            "not everything could be removed",
            "\n".join(done.problems),
            "remove what holds these files, or run `mwaa-local cache prune` again as the user who owns them",
        )


def _show(
    console: Console,
    cache_dir: Path,
    inventory: Inventory,
    pruned: Pruned,
    *,
    as_json: bool,
    dry_run: bool = False,
) -> None:
    if as_json:
        console.show_json(
            {
                "cache_dir": str(cache_dir),
                "dry_run": dry_run,
                "removed": [item.to_json() for item in pruned.removed],
                "kept": [{**item.to_json(), "why": why} for item, why in pruned.kept],
                "problems": pruned.problems,
                "freed_bytes": pruned.freed_bytes,
                "docker_skipped": inventory.no_docker or None,
            }
        )
        return
    if dry_run:
        for item in pruned.removed:
            console.show(f"would remove  {_line(item)}")
    for why, count in Counter(why for _, why in pruned.kept).items():
        console.say(f"kept  {_counted(count)}: {why}")
    console.say(f"{'would free' if dry_run else 'freed'} {size(pruned.freed_bytes)}")
    if pruned.build_cache_bytes:
        held = size(pruned.build_cache_bytes)
        console.say(f"Docker's build cache still holds {held} of the images; `docker builder prune` frees it")
    _say_left_alone(console, cache_dir, inventory)


def _show_removed(console: Console, item: Item) -> None:
    console.show(f"removed  {_line(item)}")


def _say_left_alone(console: Console, cache_dir: Path, inventory: Inventory) -> None:
    if inventory.foreign:
        console.say(f"left alone in {cache_dir}, not made by mwaa-local: {', '.join(inventory.foreign)}")
    if inventory.no_docker:
        console.say(f"Docker's images and volumes were skipped: {inventory.no_docker}")


def by_release(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return count and sizes of each release's items, oldest release first, then of what belongs to none."""
    found: dict[str, list[Item]] = {}
    for item in sorted(
        items, key=lambda item: [int(part) for part in item.release.split(".")] if item.release else [99]
    ):
        found.setdefault(item.release, []).append(item)
    return [
        {
            "airflow_version": release or None,
            "items": len(of_release),
            "size_bytes": sum(item.size_bytes or 0 for item in of_release),
            "unused_bytes": sum(item.size_bytes or 0 for item in of_release if not (item.used_by or item.kept_because)),
        }
        for release, of_release in found.items()
    ]


def _release_row(total: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = (size(total["size_bytes"]), size(total["unused_bytes"]))
    return (total["airflow_version"] or NOTHING, str(total["items"]), *sizes)


def _row(item: Item, now: float) -> tuple[str, ...]:
    if item.is_leftover:
        used_by = "nobody: left by a command that was killed"
    else:
        used_by = ", ".join(item.used_by) or item.kept_because or NOTHING
    used = f"{duration(now - item.last_used)} ago" if item.last_used is not None else "not noted"
    return item.kind, item.release or NOTHING, item.name, size(item.size_bytes), used, used_by


def _line(item: Item) -> str:
    return f"{item.kind} {item.name}  {size(item.size_bytes)}"


def _counted(count: int) -> str:
    return f"{count} item{'s' if count > 1 else ''}"


def seconds(age: str) -> float:
    """Return the seconds that an age like `30d` means. Raises BadParameter for anything else."""
    match = re.fullmatch(r"(\d+)([hdw])", age.strip())
    if match is None:
        raise typer.BadParameter(f"{age!r} is not an age: write a number and h, d or w, such as 30d")
    return int(match[1]) * UNITS[match[2]]
