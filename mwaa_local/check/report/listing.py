"""Findings as a person reads them: by cause, the worst first, and no more than two screens unless all are wanted. Pure.

What is left out is counted, with the command that shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from mwaa_local.check.report.groups import SHOWN_PLACES, Group, groups
from mwaa_local.check.showing import shown, shown_finding, shown_line
from mwaa_local.console import BOLD, DIM, RED, YELLOW
from mwaa_local.documentation import difference_url
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding, count, counted

# Text and an ANSI code of `console` -> text, coloured or not.
Colour = Callable[[str, str], str]

SHOWN_ROWS = 80  # two screens of 50 rows, less what stands around the findings
ROW_CHARACTERS = 100  # after which a terminal breaks a line, taken for all so that every log has the same text
WHY_ROWS = 12  # of one finding
SEVERITY_COLOURS = {ERROR: RED, WARNING: YELLOW, NOTE: DIM}


def plain(text: str, _code: str) -> str:
    """Return the text without colour."""
    return text


def findings_text(findings: Sequence[Finding], *, colour: Colour = plain, whole_by: str = "") -> str:
    """Return findings by cause and how many there are; `no findings` for none.

    `whole_by` is the command that shows all of them; without it, all are shown, each with all its places.
    """
    if not findings:
        return "no findings"
    found = groups(shown_finding(finding) for finding in findings)
    total = count(finding for group in found for finding in group.findings)
    if len(found) < sum(len(group.findings) for group in found):
        total += f"; {counted(len(found), 'cause')}"
    if not whole_by:
        return f"{joined(_whole_paragraph(group, colour) for group in found)}\n\n{total}"
    listed = _Listing(found, colour)
    if listed.is_cut:
        total += f"; see all: {whole_by}"
    return "\n\n".join([joined(listed.paragraphs), *listed.rest, total])


def finding_paragraph(finding: Finding, colour: Colour, where: Sequence[str] = ()) -> str:
    """Return a finding in lines: place, severity and what; further places; why; hint."""
    severity = colour(finding.severity, SEVERITY_COLOURS.get(finding.severity, ""))
    first = f"{colour(shown_line(finding.place), BOLD)}: {severity}[{finding.rule}] {finding.what}"
    return "\n".join([first, *(f"  {shown_line(line)}" for line in where), *body(finding, colour)])


def group_paragraph(group: Group, colour: Colour) -> str:
    """Return all findings of one cause as one, with its first places."""
    return finding_paragraph(group.finding, colour, group.where())


def body(finding: Finding, colour: Colour) -> Iterable[str]:
    """Yield why, hint and where to read more, in lines."""
    yield from (f"  {line}".rstrip() for line in shown(finding.why).splitlines())
    if finding.hint:
        first, *more = shown(finding.hint).splitlines()
        yield f"  {colour('hint', BOLD)}: {first}"
        yield from (f"    {line}" for line in more)
    if finding.see:
        yield f"  {colour('see', BOLD)}: {difference_url(finding.see)}"


def joined(paragraphs: Iterable[str]) -> str:
    """Join them, with blank lines between where any has more than one line."""
    texts = list(paragraphs)
    return ("\n\n" if any("\n" in item for item in texts) else "\n").join(texts)


def _whole_paragraph(group: Group, colour: Colour) -> str:
    """Return a cause with all its places, one a line, as editors and terminals take them."""
    head = finding_paragraph(group.finding, colour)
    if len(group.findings) == 1:
        return head
    first, *rest = head.split("\n")
    lines = [f"  {group.extent}:", *(f"    {shown_line(place)}" for place in group.places)]
    if len(group.places) == 1:
        lines = []
    if group.importers:
        lines += ["  imported by:", *(f"    {shown_line(name)}" for name in group.importers)]
    return "\n".join([first, *lines, *rest])


@dataclass
class _Listing:
    """As many causes as fit, taken by turns from each rule, so that no rule hides another."""

    found: Sequence[Group]
    colour: Colour
    paragraphs: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)  # one text on what was left out, if anything was

    def __post_init__(self) -> None:
        texts = {group: self._paragraph(group) for group in self.found}
        shown_groups = set(self.found) if sum(map(_rows, texts.values())) <= SHOWN_ROWS else set(self._fitting(texts))
        self.paragraphs = [texts[group] for group in self.found if group in shown_groups]
        if left := [group for group in self.found if group not in shown_groups]:
            self.rest = ["\n".join(["not shown:", *_left_out(left, self.colour)])]

    @property
    def is_cut(self) -> bool:
        """Whether anything is not there to be read: a cause, a place, a part of a reason."""
        return bool(self.rest) or any(_is_cut(group) for group in self.found)

    def _paragraph(self, group: Group) -> str:
        finding = group.finding
        return finding_paragraph(replace(finding, why=_cut_why(finding.why)), self.colour, group.where())

    def _fitting(self, texts: dict[Group, str]) -> Iterable[Group]:
        by_rule: dict[tuple[str, str], list[Group]] = {}
        for group in self.found:
            by_rule.setdefault((group.finding.rule, group.finding.severity), []).append(group)
        rows_left = SHOWN_ROWS - len(by_rule)  # each may need a row on what was left out
        turns = list(by_rule.values())
        while turns:
            for queue in list(turns):
                group = queue.pop(0)
                if _rows(texts[group]) > rows_left:
                    turns.remove(queue)
                    continue
                rows_left -= _rows(texts[group])
                yield group
                if not queue:
                    turns.remove(queue)


def _rows(paragraph: str) -> int:
    """Return how many rows of a screen it takes, and the blank one behind it."""
    return 1 + sum(max(1, -(-len(line) // ROW_CHARACTERS)) for line in paragraph.split("\n"))


def _is_cut(group: Group) -> bool:
    why = group.finding.why
    return max(len(group.places), len(group.importers)) > SHOWN_PLACES or _cut_why(why) != why


def _cut_why(why: str) -> str:
    """Return a reason without its middle where it is long: a traceback begins and ends with what matters."""
    lines = why.split("\n")
    if len(lines) <= WHY_ROWS:
        return why
    half = WHY_ROWS // 2
    return "\n".join([*lines[:half], f"… {len(lines) - 2 * half} more lines", *lines[-half:]])


def _left_out(left: Sequence[Group], colour: Colour) -> Iterable[str]:
    """Yield a line for each rule: `  37 more error[dag-import-error] in 37 files, first dags/x.py:3`."""
    by_rule: dict[tuple[str, str], list[Finding]] = {}
    for group in left:
        by_rule.setdefault((group.finding.severity, group.finding.rule), []).extend(group.findings)
    for (severity, rule), findings in by_rule.items():
        word = colour(severity, SEVERITY_COLOURS.get(severity, ""))
        extent = Group(tuple(findings)).extent
        yield f"  {len(findings)} more {word}[{rule}] {extent}, first {shown_line(findings[0].place)}"
