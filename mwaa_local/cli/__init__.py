"""The command `mwaa-local`: words in, words out, one file per command, no logic.

A command's module is imported only when that command runs, so that `--help` and completion stay fast.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from mwaa_local import __version__
from mwaa_local.cli.groups import command_group
from mwaa_local.cli.waking import main_thread_woken
from mwaa_local.documentation import ISSUES_URL
from mwaa_local.errors import MwaaLocalError, disk_error

BUG_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED_EXIT_CODE = 130  # 128 + SIGINT, as shells report it
TERMINATED_EXIT_CODE = 143  # 128 + SIGTERM
HUNG_UP_EXIT_CODE = 129  # 128 + SIGHUP: the terminal is gone

# Command -> module below `mwaa_local.cli`, function in it, and one line of help; in the order of `--help`.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "up": ("up", "up", "Start the environment and wait until it is ready."),
    "down": ("down", "down", "Stop the environment; nothing is lost."),
    "status": ("status", "status", "Show what runs, since when, and what is wrong."),
    "logs": ("logs", "logs", "Show what components wrote; -f follows."),
    "metrics": ("metrics", "metrics", "Show tasks, slots, CPU and memory as they are now."),
    "open": ("open_ui", "open_ui", "Open Airflow's web pages, signed in with a role."),
    "airflow": ("airflow", "airflow", "Run an Airflow command inside the environment."),
    "aws": ("aws", "aws", "Run an AWS CLI command against the environment."),
    "aws-env": ("aws_env", "aws_env", "Print what AWS clients need to find the environment."),
    "iam": ("iam", "iam", "Show which IAM actions DAGs need and the role lacks."),
    "dags": ("dags", "dags", "Run one DAG quickly, in a single process."),
    "options": ("options", "options", "Show Airflow's configuration and who set each value."),
    "check": ("check", "check", "Find what will fail on MWAA, before you upload."),
    "upgrade": ("upgrade", "upgrade", "Rehearse and make a move to another Airflow version."),
    "smoke": ("smoke", "smoke", "Start, import and run DAGs, report, stop; for CI."),
    "api": ("api", "api", "Serve MWAA's API for a project or a folder."),
    "sync": ("sync", "sync", "Bring DAGs from the source bucket, now."),
    "releases": ("releases", "releases", "List every Airflow version MWAA has had."),
    "db": ("db", "db", "Dump, restore and keep the metadata database."),
    "reset-db": ("reset_db", "reset_db", "Replace the metadata database with an empty one."),
    "reset-aws": ("reset_aws", "reset_aws", "Empty the local AWS."),
    "cache": ("cache", "cache", "Show and remove what is kept outside of projects."),
    "fault": ("fault", "fault", "Make the MWAA API fail on demand, to try your scripts."),
    "env": ("env", "env", "Write what docker compose needs, to run it by hand."),
    "test-startup-script": ("test_startup_script", "test_startup_script", "Run the startup script as MWAA would."),
    "package-requirements": ("package_requirements", "package_requirements", "Make plugins.zip with all wheels in it."),
    "test-requirements": ("check_requirements", "requirements", "The same as `check requirements`."),
    "start": ("up", "up", "The same as `up`."),
    "stop": ("down", "down", "The same as `down`."),
}


# Commands of AWS's local runner that have nothing to do here.
ANSWERS = {
    "validate-prereqs": "nothing to validate: `mwaa-local up` says what is missing, and what to do about it",
    "build-image": "nothing to build: `mwaa-local up` builds or installs what the release needs, once",
    "help": "run `mwaa-local --help` for all commands, `mwaa-local COMMAND --help` for one",
}


def answering_command(name: str) -> Any:
    """Return the command that answers in one line, whatever follows it."""
    only = command_group()
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    only.command(name, context_settings=settings)(lambda: print(ANSWERS[name]))
    return typer.main.get_command(only)


class LazyGroup(TyperGroup):
    """Knows its commands by name and imports one only when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in ANSWERS:
            return answering_command(cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        only = command_group()
        target = getattr(importlib.import_module(f"mwaa_local.cli.{module}"), function)
        if isinstance(target, typer.Typer):
            return typer.main.get_command(target)
        settings = getattr(target, "context_settings", None)
        only.command(cmd_name, context_settings=settings, add_help_option=settings is None)(target)
        return typer.main.get_command(only)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


app = command_group(
    cls=LazyGroup,
    no_args_is_help=True,
    help="Amazon MWAA on your own machine: any release, real Airflow, real workers.\n\n"
    "Start with `mwaa-local up` in a folder that has a dags/ folder. `mwaa-local COMMAND --help` shows examples.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"mwaa-local {__version__}")
        raise typer.Exit


@app.callback()
def common(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options before the command."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: the same cleaning up as after Ctrl-C, another exit code."""

    exit_code: int | None = None  # of the signal that came; typer keeps only that there was an interrupt


def _terminate(number: int, _frame: object) -> None:
    Terminated.exit_code = TERMINATED_EXIT_CODE if number == signal.SIGTERM else HUNG_UP_EXIT_CODE
    raise Terminated


def main() -> None:
    """Run the command line; every failure that a user can act on is shown here, once."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup, where the command is to go on
        signal.signal(signal.SIGHUP, _terminate)
    try:
        with main_thread_woken((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
            app(prog_name="mwaa-local")
    except MwaaLocalError as error:
        _fail(error)
    except SystemExit as end:
        if end.code == INTERRUPTED_EXIT_CODE:  # typer's for every KeyboardInterrupt
            _interrupted()
        if isinstance(end.__context__, BrokenPipeError):  # typer makes exit code 1 of each, and says nothing
            _pipe_broken()
        _flush()
        raise
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:
        _pipe_broken()
    except OSError as error:
        known = disk_error(error)
        if isinstance(known, MwaaLocalError):
            _fail(known)
        _report_bug()
    except Exception:  # noqa: BLE001 - a bug keeps its traceback
        _report_bug()


def _interrupted() -> NoReturn:
    from mwaa_local.console import make_way

    with contextlib.suppress(OSError):  # after a hang-up there may be nobody to tell
        make_way(sys.stderr)
        print("terminated" if Terminated.exit_code else "interrupted", file=sys.stderr, flush=True)
    sys.exit(Terminated.exit_code or INTERRUPTED_EXIT_CODE)


def _pipe_broken() -> NoReturn:
    """End quietly where it was a reader of ours, as in `mwaa-local logs | head`, who has what it wanted."""
    from mwaa_local.console import give_up

    theirs = [stream for stream in (sys.__stdout__, sys.__stderr__) if stream and _has_no_reader(stream.fileno())]
    for stream in theirs:
        give_up(stream)
    if theirs:
        sys.exit(0)
    _report_bug()


def _flush() -> None:
    """Write what was only printed. A reader who is gone is no failure."""
    try:
        if sys.stdout:  # else it was closed from the start
            sys.stdout.flush()
    except BrokenPipeError:
        from mwaa_local.console import give_up

        give_up(sys.stdout)


def _has_no_reader(descriptor: int) -> bool:
    """Whether it is a pipe or a socket whose other end is closed."""
    look = select.poll()
    look.register(descriptor, 0)  # an end that is gone is told without being asked for
    return bool(look.poll(0))


def _fail(error: MwaaLocalError) -> NoReturn:
    from mwaa_local import console

    console.standard(os.environ).show_error(error)
    sys.exit(error.exit_code)


def _report_bug() -> NoReturn:
    """Show the exception that is being handled, the version, and where to report both."""
    from mwaa_local.console import make_way

    with contextlib.suppress(OSError):  # where nobody can be told, the exit code still says it
        make_way(sys.stderr)
        traceback.print_exc()
        lines = f"\nThis is a bug in mwaa-local {__version__}. Please report it with the lines above: {ISSUES_URL}"
        print(lines, file=sys.stderr)
    sys.exit(BUG_EXIT_CODE)
