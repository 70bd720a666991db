"""What `mwaa-local check` says of all parts together, in every format. Pure.

Skipped parts and parts without findings are listed too: silence would not show that they were checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mwaa_local.check.part import FAILED, FOUND, OK, SKIPPED, UNCHECKED, Part, exit_code
from mwaa_local.check.report.ci import suites_junit
from mwaa_local.check.report.listing import Colour, findings_text, plain
from mwaa_local.check.showing import shown_finding, shown_line
from mwaa_local.console import DIM, GREEN, RED, YELLOW, table
from mwaa_local.finding import Finding, count, in_order

HEADERS = ("part", "outcome", "took", "")
COLOURS = {OK: GREEN, FOUND: YELLOW, FAILED: RED, SKIPPED: DIM, UNCHECKED: YELLOW}
ELAPSED_DECIMALS = 3


def parts_text(parts: Sequence[Part], *, colour: Colour = plain, whole_by: str = "") -> str:
    """Return a table with a row for each part, then the findings as `findings_text` has them."""
    header, *lines = table(HEADERS, [_row(part) for part in parts]).split("\n")
    rows = [_coloured(line, part.outcome, colour) for line, part in zip(lines, parts, strict=True)]
    blocks = ["\n".join([colour(header.rstrip(), DIM), *rows])]
    if found := [finding for part in parts for finding in part.findings]:
        blocks.append(findings_text(found, colour=colour, whole_by=whole_by))
    return "\n\n".join(blocks)


def _coloured(line: str, outcome: str, colour: Colour) -> str:
    return line.replace(f"  {outcome}", f"  {colour(outcome, COLOURS[outcome])}", 1)


def _row(part: Part) -> tuple[str, ...]:
    took = "" if part.skipped else f"{part.elapsed_s:.1f} s"
    told = [part.skipped or part.summary, count(part.findings)]
    return part.name, part.outcome, took, shown_line("; ".join(filter(None, told)))


def parts_json(parts: Sequence[Part]) -> dict[str, Any]:
    """Return plain values for JSON. Every key is always there.

    - `exit_code`: 0, 1 or 3, as the command ends
    - `parts`: a list of
      - `name`, `elapsed_s`, `summary`
      - `outcome`: `ok`, `findings`, `fails`, `skipped` or `not checked`
      - `skipped`: why nothing was looked at, else ""
      - `findings`: `rule`, `severity`, `path`, `line`, `what`, `why`, `hint`, `see`
    """
    return {"exit_code": exit_code(parts), "parts": [_part_json(part) for part in parts]}


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "outcome": part.outcome,
        "elapsed_s": round(part.elapsed_s, ELAPSED_DECIMALS),
        "summary": shown_line(part.summary),
        "skipped": shown_line(part.skipped),
        "findings": [shown_finding(finding).plain() for finding in in_order(part.findings)],
    }


def parts_junit(parts: Sequence[Part]) -> str:
    """Return JUnit XML: a suite for each part, a case for each rule that found something."""
    return suites_junit([(part.name, part.findings, part.elapsed_s, part.skipped) for part in parts])


def as_findings(parts: Sequence[Part]) -> tuple[Finding, ...]:
    """Return all findings, for the formats that know no parts."""
    return in_order(finding for part in parts for finding in part.findings)
