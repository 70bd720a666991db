"""In which formats checks tell what they found, as an option of every command that checks."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How a check tells what it found."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"


FormatOption = Annotated[
    Format, typer.Option("--format", help="text, json, junit, sarif (code scanning) or github (annotations).")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Treat unknown Variables and Connections as errors.")]
