"""`mwaa-local fault …`: let the MWAA API misbehave on demand."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.groups import command_group
from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import Session, open_session

WORKER_LOST, MEMORY_KILL = "worker-lost", "memory-kill"
# Faults that the command does at once, and that are over then.
AT_ONCE = {
    WORKER_LOST: "one Celery worker is killed at once, as when its container is lost",
    MEMORY_KILL: "the largest process of a worker's tasks is killed at once, as when memory is short",
}

fault = command_group(
    no_args_is_help=True,
    help="Make the MWAA API fail on demand, to try what your scripts do then.\n\n"
    "Faults hold for the API of this project, and for the environments made through it.\n\n"
    "Examples:\n\n  mwaa-local fault set update-failed --times 1\n\n  mwaa-local fault list\n\n"
    "  mwaa-local fault clear",
)


@fault.command("set")
def set_fault(
    name: Annotated[str, typer.Argument(metavar="FAULT", help="See `mwaa-local fault list`.")],
    times: Annotated[
        int, typer.Option(min=0, help="How often it happens; 0 means until you clear it.", show_default=True)
    ] = 0,
    seconds: Annotated[float, typer.Option(min=0.0, max=3600.0, help="Of `slow`: how long.")] = 5.0,
    project_dir: ProjectOption = Path(),
) -> None:
    """Set a fault; it works from the next call on. `worker-lost` and `memory-kill` kill something now.

    Examples:

      mwaa-local fault set throttle --times 3

      mwaa-local fault set slow --seconds 20

      mwaa-local fault set worker-lost
    """
    from mwaa_local.api.environments.faults import Fault, Faults

    session = open_session(project_dir)
    _refuse_unknown(name)
    if name in AT_ONCE:
        session.console.say(_do_at_once(session, name))
        return
    wanted = Fault(name, time.time(), seconds, times)
    session.project.make_state_dir()
    Faults.of(session.project).set(wanted)
    session.console.say(f"set {wanted.line()}; `mwaa-local fault clear` ends it")


@fault.command("list")
def list_faults(project_dir: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Show which faults are set, and which there are.

    Examples:

      mwaa-local fault list

      mwaa-local fault list --json | jq '.set[].name'
    """
    from mwaa_local.api.environments.faults import KINDS, Faults
    from mwaa_local.console import table

    session = open_session(project_dir)
    faults = {each.name: each for each in Faults.of(session.project).listed()}
    known = {**KINDS, **AT_ONCE}
    if as_json:
        session.console.show_json({"set": [asdict(each) for each in faults.values()], "known": known})
        return
    rows = [
        (name, _state(name in faults, faults[name].times if name in faults else 0), does)
        for name, does in known.items()
    ]
    session.console.show(table(("fault", "state", "what happens"), rows))


@fault.command()
def clear(
    names: Annotated[list[str] | None, typer.Argument(metavar="[FAULT]...", help="By default all.")] = None,
    project_dir: ProjectOption = Path(),
) -> None:
    """End faults.

    Examples:

      mwaa-local fault clear

      mwaa-local fault clear throttle
    """
    from mwaa_local.api.environments.faults import Faults

    session = open_session(project_dir)
    for name in names or ():
        _refuse_unknown(name)
    gone = Faults.of(session.project).clear(names or ())
    if gone:
        session.console.say(f"cleared {', '.join(gone)}")
    for name in (each for each in names or () if each not in gone):
        why = "; it is over as soon as it happens" if name in AT_ONCE else ""
        session.console.say(f"{name} was not set{why}")
    if not gone and not names:
        session.console.say("no fault was set")


def _refuse_unknown(name: str) -> None:
    from mwaa_local.api.environments.faults import KINDS

    known = [*KINDS, *AT_ONCE]
    if name not in known:
        raise typer.BadParameter(f"there is no fault {name!r}; choose one of {', '.join(known)}")


def _state(is_set: bool, times: int) -> str:
    return "-" if not is_set else f"set, {times} more" if times else "set"


def _do_at_once(session: Session, name: str) -> str:
    """Do it; return what was done. Raises NotRunning."""
    from mwaa_local.errors import NotRunning

    if name == MEMORY_KILL:
        hit = session.runtime.kill_largest("worker")
        if hit is None:
            raise NotRunning("no worker runs a task here", hint="begin a task, then run the command again")
        return f"killed the largest process of {hit}'s tasks, as the kernel does when memory is short"
    killed = session.runtime.kill("worker")
    if killed is None:
        raise NotRunning("no worker runs here", hint="mwaa-local up")
    return f"killed {killed}; it is started again, as on MWAA"
