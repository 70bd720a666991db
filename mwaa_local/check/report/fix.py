"""Proposals written into a file's text, and shown as a diff. Pure: reading and writing are the caller's.

A proposal's `old` is the whole line as pip reads it, continuation lines joined, with or without its comment. Where the
file no longer says that, the line stays as it is and `misplaced` names the proposal.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mwaa_local.check.requirements.verdict import Checked, Conflict, Proposal
from mwaa_local.requirements.text import LogicalLine, logical_lines

_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # as `patch` sees lines; str.splitlines() knows more ends than it
_BOM = "\ufeff"  # a byte order mark that decoding left in; it is no part of the first line
NO_FILE = "/dev/null"  # the name of a file that is not there yet, or empty
_NO_NEWLINE = "\n\\ No newline at end of file\n"


@dataclass(frozen=True)
class _Change:
    """Replace `text[start:end]`. `last`, its line's last letter, is the same for all changes of a line."""

    start: int
    end: int
    new: str
    last: int


def proposals(checked: Checked) -> tuple[Proposal, ...]:
    """Return the proposals of all conflicts: one for a line, the first, by file in the order they came."""
    if not isinstance(checked.verdict, Conflict):
        return ()
    first: dict[tuple[str, int], Proposal] = {}
    for clash in checked.verdict.clashes:
        if clash.proposal is not None:
            first.setdefault((clash.proposal.path, clash.proposal.line), clash.proposal)
    return tuple(first.values())


def apply(text: str, proposals_of_one_file: Sequence[Proposal]) -> str:
    """Return the file's text with these lines changed; line ends, indents, comments and all other lines are kept.

    A removed line takes its comment and continuation lines with it; of two proposals for a line the first
    counts. Line numbers are those of this text, so that all proposals of a file belong into one call.
    """
    if text.startswith(_BOM):
        return _BOM + apply(text[1:], proposals_of_one_file)
    changes: dict[int, _Change] = {}
    for _, change in _placed(text, proposals_of_one_file):
        if change is not None:
            changes.setdefault(change.last, change)
    for end in sorted(changes, reverse=True):
        text = text[: changes[end].start] + changes[end].new + text[changes[end].end :]
    return text


def misplaced(text: str, proposals_of_one_file: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Return proposals that `apply` leaves out, since their line is not there or says something else by now."""
    placed = _placed(text.removeprefix(_BOM), proposals_of_one_file)
    return tuple(proposal for proposal, change in placed if change is None)


def diff(checked: Checked, read: Callable[[str], str]) -> str:
    """Return a unified diff of all proposals, for `patch -p0` and `git apply -p0`; "" where there are none.

    `read` returns a file's text by its path, with its line ends untouched. Lines around a change are shown as they
    are, so that the diff applies: with credentials, where the file has some.
    """
    by_path: dict[str, list[Proposal]] = {}
    for proposal in proposals(checked):
        by_path.setdefault(proposal.path, []).append(proposal)
    texts = {path: read(path) for path in by_path}
    return "".join(text_diff(path, text, apply(text, by_path[path])) for path, text in texts.items())


def text_diff(path: str, before: str, after: str) -> str:
    """Return a unified diff of one file's text, for `patch -p0` and `git apply -p0`; "" where nothing changes."""
    name = f"{path}\t" if " " in path else path  # the tab ends a name with blanks, for `patch` and git alike
    lines = difflib.unified_diff(_LINE.findall(before), _LINE.findall(after), name if before else NO_FILE, name)
    return "".join(line if line.endswith("\n") else line + _NO_NEWLINE for line in lines)


def _placed(text: str, wanted: Iterable[Proposal]) -> Iterator[tuple[Proposal, _Change | None]]:
    ends = _line_ends(text)
    logical = tuple(logical_lines(text))
    for proposal in wanted:
        yield proposal, _change(text, ends, logical, proposal)


def _line_ends(text: str) -> list[int]:
    """Return where each physical line ends, its line break included. Lines are counted as pip counts them."""
    ends = [0]
    for line in text.splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    return ends[1:]


def _change(text: str, ends: Sequence[int], logical: Sequence[LogicalLine], proposal: Proposal) -> _Change | None:
    if not 0 < proposal.line <= len(ends):
        return None
    start = ends[proposal.line - 2] if proposal.line > 1 else 0
    line = next((line for line in logical if line.offsets[-1] >= start), None)
    if line is None:
        return None
    first = line.offsets[len(line.text) - len(line.text.lstrip())]
    last = line.offsets[len(line.text.rstrip()) - 1]
    whole_end = next(end for end in ends if end > last)
    with_comment = text[first:whole_end].rstrip()
    if proposal.old.split() == line.text.split():
        end = last + 1
    elif proposal.old.split() == with_comment.split():
        end = first + len(with_comment)
    else:
        return None
    if proposal.new:
        return _Change(first, end, proposal.new, last)
    whole_start = max((end for end in ends if end <= first), default=0)
    return _Change(whole_start, whole_end, "", last)
