"""Results of checks as a person reads them: the outcome first, then what changes, then what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mwaa_local.check.report.groups import groups
from mwaa_local.check.report.listing import Colour, body, finding_paragraph, group_paragraph, joined, plain
from mwaa_local.check.report.problems import problems
from mwaa_local.check.requirements.pip_choice import LONG_RESOLUTION
from mwaa_local.check.requirements.resolution import INSTALL_FAILED, clash_finding, other_findings, resolution_findings
from mwaa_local.check.requirements.verdict import (
    Checked,
    Clash,
    Conflict,
    NoWheel,
    PackageChange,
    Proposal,
    Unchecked,
    Works,
)
from mwaa_local.check.showing import shown_line
from mwaa_local.console import BOLD, DIM, GREEN, RED, YELLOW, table
from mwaa_local.finding import ERROR, LEADING, count, counted, has_error
from mwaa_local.requirements.install import REQUIREMENTS_INSTALL_TIMEOUT_S

CHANGE_HEADERS = ("package", "version", "in the image", "why", "size")
SUMMARY_HEADERS = ("airflow", "python", "outcome", "added", "up", "down", "download", "findings")
ADDED, UPGRADED, DOWNGRADED = "added", "upgraded", "downgraded"
WORKS_ON, FAILS_ON, NOT_CHECKED_FOR = "works", "does not work", "was not checked"
NOTHING = "-"
ERRORS_FOUND = "errors"  # the outcome in the summary of what pip would install, but a rule refuses
MAX_REASONS = 3  # in a table; as_json() has them all
SIZE_STEP = 1000  # as package indexes count: 1 MB is 1000 kB
SIZE_UNITS = ("B", "kB", "MB", "GB")
ONE_DECIMAL_BELOW = 10  # 1.2 GB, but 34 MB


def text(checked: Sequence[Checked], *, colour: Colour = plain) -> str:
    """Return the outcome of every release in one line, then the details of each, then findings, each once."""
    several = len(checked) > 1
    leading, others = _findings(checked, colour)
    blocks = ["\n".join(_headline(item, colour) for item in checked), *leading]
    for item in checked:
        details = list(_details(item, colour))
        if several and details:
            blocks.append(colour(shown_line(f"{item.path} on Airflow {item.airflow_version}"), BOLD))
        blocks += details
    blocks.append(joined(others))
    return "\n\n".join(block for block in blocks if block)


def summary_table(checked: Sequence[Checked]) -> str:
    """Return a table with a row per release; the file comes first in each row where there are several files."""
    several = len({item.path for item in checked}) > 1
    headers = ("file", *SUMMARY_HEADERS) if several else SUMMARY_HEADERS
    rows = [(item.path, *_summary(item)) if several else _summary(item) for item in checked]
    return table(headers, [[shown_line(cell) for cell in row] for row in rows])


def _summary(checked: Checked) -> tuple[str, ...]:
    verdict = checked.verdict
    outcome = ERRORS_FOUND if isinstance(verdict, Works) and has_error(checked.findings) else checked.outcome
    numbers = (NOTHING,) * 4
    if isinstance(verdict, Works):
        kinds = [kind_of(change) for change in verdict.changes]
        added, up, down = (str(kinds.count(kind)) for kind in (ADDED, UPGRADED, DOWNGRADED))
        numbers = (added, up, down, _download(verdict.changes))
    found = count(other_findings(checked)) or NOTHING
    return checked.airflow_version, checked.python_version, outcome, *numbers, found


def kind_of(change: PackageChange) -> str:
    """Return `added`, `upgraded` or `downgraded`."""
    if not change.base_version:
        return ADDED
    return DOWNGRADED if change.is_downgrade else UPGRADED


def download_bytes(changes: Sequence[PackageChange]) -> int | None:
    """Return the size of all downloads; None where that of any is unknown."""
    sizes = [change.size_bytes for change in changes if change.size_bytes is not None]
    return sum(sizes) if len(sizes) == len(changes) else None


def size(number: int) -> str:
    """Return `812 B`, `1.2 MB`, `34 MB`."""
    value, units = float(number), list(SIZE_UNITS)
    while round(value) >= SIZE_STEP and len(units) > 1:
        value /= SIZE_STEP
        units.pop(0)
    decimals = 1 if round(value, 1) < ONE_DECIMAL_BELOW and units[0] != SIZE_UNITS[0] else 0
    return f"{value:.{decimals}f} {units[0]}"


def _download(changes: Sequence[PackageChange]) -> str:
    total = download_bytes(changes)
    if total is not None:
        return size(total)
    known = sum(change.size_bytes or 0 for change in changes)
    return f"at least {size(known)}" if known else "unknown size"


def headline(checked: Checked) -> str:
    """Return the outcome in one line."""
    return _headline(checked, plain)


def summary(checked: Checked) -> str:
    """Return why the outcome is what it is, in a few words: `4 packages added, 34 MB`."""
    return _outcome(checked)[2]


def _headline(checked: Checked, colour: Colour) -> str:
    says, code, detail = _outcome(checked)
    preposition = "for" if says == NOT_CHECKED_FOR else "on"
    release = shown_line(f"{preposition} Airflow {checked.airflow_version} (Python {checked.python_version})")
    return f"{shown_line(checked.path)} {colour(says, code)} {release}: {detail}"


def _outcome(checked: Checked) -> tuple[str, str, str]:
    """Return what to say, its colour, and why in a few words."""
    verdict = checked.verdict
    errors = counted(sum(finding.severity == ERROR for finding in checked.findings), ERROR)
    if isinstance(verdict, Conflict):
        number = len(verdict.clashes)
        if verdict.is_unreadable:
            return FAILS_ON, RED, f"pip cannot read {counted(number, 'line')}"
        return FAILS_ON, RED, counted(number, "conflict") if number else "pip would refuse it"
    if isinstance(verdict, NoWheel):
        return FAILS_ON, RED, f"{counted(len(verdict.packages), 'package')} cannot be built there"
    if isinstance(verdict, Unchecked):
        if has_error(checked.findings):
            return FAILS_ON, RED, f"{errors}; the packages to install are unknown"
        return NOT_CHECKED_FOR, YELLOW, shown_line(verdict.what)
    if any(finding.rule == LONG_RESOLUTION and finding.severity == ERROR for finding in checked.findings):
        return FAILS_ON, RED, f"{errors}; versions that fit exist, but pip does not find them in time"
    if any(finding.rule == INSTALL_FAILED and finding.severity == ERROR for finding in checked.findings):
        return FAILS_ON, RED, f"{errors}; versions were found, but pip could not install them"
    if has_error(checked.findings):
        return FAILS_ON, RED, f"{errors}; pip would install it, with {_what_changes(verdict)}"
    return WORKS_ON, GREEN, _what_changes(verdict)


def _what_changes(verdict: Works) -> str:
    """Return `4 packages added, 1 upgraded, 34 MB, about 12 s of MWAA's 540 s`."""
    if not verdict.changes:
        return "no change to the image's packages"
    kinds = [kind_of(change) for change in verdict.changes]
    present = [kind for kind in (ADDED, UPGRADED, DOWNGRADED) if kind in kinds]
    parts = [f"{kinds.count(kind)} {kind}" for kind in present]
    parts[0] = f"{counted(kinds.count(present[0]), 'package')} {present[0]}"
    parts.append(_download(verdict.changes))
    if verdict.install_estimate_s is not None:
        parts.append(_estimate(verdict.install_estimate_s))
    return ", ".join(parts)


def _estimate(seconds: float) -> str:
    between = "of" if seconds <= REQUIREMENTS_INSTALL_TIMEOUT_S else "and so more than"
    return f"about {max(1, round(seconds))} s {between} MWAA's {REQUIREMENTS_INSTALL_TIMEOUT_S} s"


def _details(checked: Checked, colour: Colour) -> Iterable[str]:
    """Yield blocks: the table of changes, or why there is none."""
    verdict = checked.verdict
    if isinstance(verdict, Works) and verdict.changes:
        yield _changes(verdict.changes, colour)
    elif isinstance(verdict, Conflict) and verdict.clashes:
        yield from (_clash(clash, colour) for clash in verdict.clashes)
    elif isinstance(verdict, Unchecked) and not has_error(checked.findings):
        # The first line says what; it needs no paragraph where there is no more to it.
        yield "\n".join(body(resolution_findings(checked)[0], colour))
    else:
        yield from (finding_paragraph(finding, colour) for finding in resolution_findings(checked))


def _changes(changes: Sequence[PackageChange], colour: Colour) -> str:
    header, *lines = table(CHANGE_HEADERS, [_row(change) for change in changes]).split("\n")
    marked = [
        colour(line, YELLOW) if change.is_downgrade else line for line, change in zip(lines, changes, strict=True)
    ]
    return "\n".join([colour(header, DIM), *marked])


def _row(change: PackageChange) -> tuple[str, ...]:
    base = change.base_version or NOTHING
    if kind_of(change) == DOWNGRADED:
        base += " (newer)"
    known_size = NOTHING if change.size_bytes is None else size(change.size_bytes)
    cells = (change.name, change.version, base, _reasons(change.reasons), known_size)
    return tuple(shown_line(cell) for cell in cells)


def _reasons(reasons: Sequence[str]) -> str:
    more = len(reasons) - MAX_REASONS
    words = ", ".join(reasons[:MAX_REASONS])
    return f"{words} and {more} more" if more > 0 else words


def _clash(clash: Clash, colour: Colour) -> str:
    finding = clash_finding(clash)
    if clash.proposal is None:
        return finding_paragraph(finding, colour)
    besides = replace(finding, why="", hint=f"or {clash.hint}" if clash.hint else "")
    proposal = _proposal(clash, clash.proposal, colour)
    return "\n".join([finding_paragraph(replace(finding, hint=""), colour), *proposal, *body(besides, colour)])


def _proposal(clash: Clash, proposal: Proposal, colour: Colour) -> Iterable[str]:
    elsewhere = (proposal.path, proposal.line) != (clash.path, clash.line)
    yield f"  {colour('proposal', BOLD)}" + (f" for {shown_line(proposal.path)}:{proposal.line}:" if elsewhere else ":")
    yield "    " + colour(f"- {shown_line(proposal.old)}", RED)
    if proposal.new:
        yield "    " + colour(f"+ {shown_line(proposal.new)}", GREEN)


def _findings(checked: Sequence[Checked], colour: Colour) -> tuple[list[str], list[str]]:
    """Return findings of rules by cause, with the releases where it is not true of all; apart, those that lead."""
    without_resolution = [finding for item in checked for finding in other_findings(item)]
    found = [
        replace(problem.finding, what=problem.finding.what + problem.where)
        for problem in problems(checked)
        if problem.finding in without_resolution
    ]
    leading: list[str] = []
    others: list[str] = []
    for group in groups(found):
        (leading if group.finding.rule in LEADING else others).append(group_paragraph(group, colour))
    return leading, others
