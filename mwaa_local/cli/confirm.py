"""A question before something is lost: asked of whoever is there, and of nobody where `--yes` is given."""

from __future__ import annotations

import sys

import typer

from mwaa_local.console import make_way

DECLINED_EXIT_CODE = 1


def confirm(question: str, *, yes: bool = False) -> None:
    """Ask, unless told not to. Ends the command at a no. Raises BadParameter where nobody answers."""
    if yes:
        return
    nobody = typer.BadParameter("nobody answers here; add --yes if that is to be")
    if sys.stdin is None:  # closed by the shell: `<&-`
        raise nobody
    make_way(sys.stderr)
    try:
        is_meant = typer.confirm(question, err=True)
    except typer.Abort as error:
        if not isinstance(error.__context__, EOFError):  # Ctrl-C
            raise
        typer.echo(err=True)  # the question stands there without an end
        raise nobody from error
    if not is_meant:
        raise typer.Exit(DECLINED_EXIT_CODE)
