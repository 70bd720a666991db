"""The tables of rules in docs/: what `mwaa-local check` can find, and how serious that is.

The rules themselves say it (`mwaa_local.check.explained`). Not for writing the tables into the guide: that is
`build_cli_reference`.
"""

from __future__ import annotations

from collections.abc import Iterable

from mwaa_local.check.explained.of_requirements import OF_LINES, OF_RESOLUTION
from mwaa_local.check.explained.text import RuleText
from mwaa_local.finding import SEVERITIES

SMALL_NAMES = ("pip ", "mwaa.yaml ", "airflow_local_settings.py ")


def requirement_rules() -> tuple[RuleText, ...]:
    """Return what can be found in a requirements file: by resolving it, then by looking at its lines."""
    return (*OF_RESOLUTION, *OF_LINES)


def rule_table(rules: Iterable[RuleText], *, with_todo: bool = False) -> str:
    """Return the rules in Markdown, also with what to do about their findings."""
    heads = ["rule", "severity", "meaning", *(["what to do"] if with_todo else [])]
    rows = [_row([f"`{rule.id}`", severities(rule), _sentence(rule.meaning)], rule, with_todo) for rule in rules]
    return "\n".join([_line(heads), _line(["---"] * len(heads)), *rows])


def severities(rule: RuleText) -> str:
    """Return `error, warning`."""
    return ", ".join(sorted(rule.severities, key=SEVERITIES.index))


def _row(cells: list[str], rule: RuleText, with_todo: bool) -> str:
    return _line([*cells, rule.todo] if with_todo else cells)


def _line(cells: Iterable[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _sentence(text: str) -> str:
    """Return the text as a sentence; names of pip and of files keep their small letters."""
    start = text if text.startswith(SMALL_NAMES) else text[:1].upper() + text[1:]
    return f"{start.rstrip('.')}."
