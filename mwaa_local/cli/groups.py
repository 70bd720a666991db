"""How every group of commands behaves: plain help, also by -h, no scripts for completion, Python's own tracebacks."""

from __future__ import annotations

from typing import Any

import typer


def command_group(**settings: Any) -> typer.Typer:
    """Return a group without commands. `settings` are Typer's own."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )
