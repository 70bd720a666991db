"""Why no versions fit: which lines of the file, against which pins, and which change of a line would do.

uv reports a conflict in its own words. More questions to it find the smallest parts that still conflict, so that each
conflict is reported in terms of what the user wrote and what MWAA adds.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packaging.requirements import Requirement

from mwaa_local.check.requirements.builds import Builds
from mwaa_local.check.requirements.changes import without_wheel
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.minimal import minimal
from mwaa_local.check.requirements.resolver import Package, Refused, Resolved, Resolver
from mwaa_local.check.requirements.source import Pin, Source
from mwaa_local.check.requirements.uv_words import Reasons
from mwaa_local.check.requirements.verdict import Clash, Conflict, Proposal
from mwaa_local.requirements.build_judgement import Outcome

EXPLAIN_LIMIT_S = 20.0  # after that, what is known by then is told: an answer in a minute is no answer in seconds
MAX_CLASHES = 10
MAX_PINS = 4  # told of for one line; more of them tell nothing new
NO_VERSION_WORKS = (
    "No other version of {name} works here either: use your own constraints, or run the task in a separate "
    "environment (PythonVirtualenvOperator)."
)


class _TimeIsUp(Exception):
    """The time for finding out more is over."""


@dataclass(frozen=True)
class _Cause:
    """Why some lines cannot be had: the pins that each by itself, or together, keep them out; and uv's words."""

    core: tuple[Line, ...]
    pins: tuple[Pin, ...]
    reasons: Reasons


@dataclass
class Explanation:
    """One search for the causes of a refusal."""

    source: Source
    resolver: Resolver
    installed: Mapping[str, str]
    started: float = field(default_factory=time.monotonic)
    script: str = ""  # the startup script's text
    _asked: int = 0
    _unbuildable: dict[Line, str] = field(default_factory=dict)  # what is to be said of the version that fits

    def conflict(self, refused: Refused) -> Conflict:
        """Return every conflict that can be found in time; at least one."""
        causes: list[_Cause] = []
        proposed: dict[Line, Proposal | None] = {}  # None: no version of that package works
        with contextlib.suppress(_TimeIsUp):
            causes += self._causes()
            for cause in causes:
                line = cause.core[-1]
                kept = [item for item in self.source.packages if item not in {other.core[-1] for other in causes}]
                news = [proposal.new for proposal in proposed.values() if proposal is not None]
                if _is_open(line):
                    proposed[line] = self._proposal(line, [*kept, *news])
        told = [self._clash(cause, proposed) for cause in causes]
        return Conflict(tuple(told) or (self._unexplained(refused),), refused.said)

    def _causes(self) -> list[_Cause]:
        """Return what keeps lines of the file out, until the rest of it works or time is over."""
        rest, found = list(self.source.packages), list[_Cause]()
        with contextlib.suppress(_TimeIsUp):
            while rest and len(found) < MAX_CLASHES and (cores := self._cores(rest)):
                for core in cores:
                    rest = [line for line in rest if line is not core[-1]]
                    found.append(_Cause(tuple(core), (), Reasons("")))
        for number, cause in enumerate(found):
            with contextlib.suppress(_TimeIsUp):
                found[number] = self._cause(cause.core)
        return found

    def _ask(self, lines: Sequence[Line | str], pins: Sequence[Pin]) -> Resolved | Refused:
        """Return the outcome; an index that is not reached now was reached before, and says nothing new."""
        if time.monotonic() - self.started > EXPLAIN_LIMIT_S:
            raise _TimeIsUp
        self._asked += 1
        question = self.source.question(lines, pins, self.installed, f"explain.{self._asked}")
        answer = self.resolver.resolve(question)
        return answer if isinstance(answer, Resolved | Refused) else Refused(answer.said)

    def _fails(self, lines: Sequence[Line | str], pins: Sequence[Pin]) -> bool:
        return isinstance(self._ask(lines, pins), Refused)

    def _cores(self, lines: Sequence[Line]) -> list[list[Line]]:
        """Return smallest sets of lines that conflict: every line that does so by itself, else one of several."""
        pins = self.source.pins
        if alone := [line for line in lines if self._fails([line], pins)]:
            return [[line] for line in alone]
        if not self._fails(lines, pins):
            return []
        core = minimal(lines, lambda part: self._fails(part, pins))
        return [core] if core else []

    def _cause(self, core: tuple[Line, ...]) -> _Cause:
        """Return the pins against which these lines fail, none where they fail by themselves."""
        answer = self._ask(core, self.source.pins)
        reasons = answer.reasons if isinstance(answer, Refused) else Reasons("")
        if isinstance(free := self._ask(core, []), Refused):
            return _Cause(core, (), free.reasons)
        # uv names the pin that it met first in so many words; most often it is the whole cause.
        mentioned = [pin for pin in self.source.pins if reasons.names(pin.name, pin.text.removeprefix(pin.name))]
        mentioned.sort(key=lambda pin: pin.name not in {line.name for line in core})
        found = tuple(itertools.islice((pin for pin in mentioned if self._fails(core, [pin])), MAX_PINS))
        if not found and mentioned and self._fails(core, mentioned):
            found = tuple(minimal(mentioned, lambda part: self._fails(core, part)))
        return _Cause(core, found, reasons)

    def _clash(self, cause: _Cause, proposed: Mapping[Line, Proposal | None]) -> Clash:
        line = cause.core[-1]
        other, origin, why = self._description(cause)
        proposal = proposed.get(line)
        if line in proposed and proposal is None and cause.pins and line.requirement is not None:
            why += f" {self._unbuildable.get(line) or NO_VERSION_WORKS.format(name=line.name)}"
        return Clash(line.path, line.number, line.text, other, origin, why, proposal)

    def _description(self, cause: _Cause) -> tuple[str, str, str]:
        """Return the other side, its origin, and a paragraph."""
        line, reasons = cause.core[-1], cause.reasons
        if cause.pins:
            origins = dict.fromkeys(pin.origin for pin in cause.pins)
            texts = dict.fromkeys(pin.text for pin in cause.pins)
            return ", ".join(texts), " and ".join(origins), " ".join(_against(pin, cause) for pin in cause.pins)
        if len(cause.core) > 1:
            first = cause.core[0]
            others = ", ".join(item.text for item in cause.core[:-1])
            return others, f"{first.path}:{first.number}", reasons.gist
        if reasons.unknown_package:
            return "", "", f"The package index has no package called {reasons.unknown_package}."
        if reasons.pythons:
            return "", "", f"{line.name} runs on Python {reasons.pythons} only."
        if line.requirement is not None and reasons.is_for_want_of_a_version:
            return "", "", f"The package index has no such version of {line.name}."
        return "", "", reasons.gist

    def _proposal(self, line: Line, others: Sequence[Line | str]) -> Proposal | None:
        """Return the same line with a version that works together with all that is left of the file."""
        wanted = line.requirement
        assert wanted is not None
        answer = self._ask([*others, _with_version(wanted, "")], self.source.pins)
        if not isinstance(answer, Resolved) or line.name not in answer.packages:
            return None
        new = _with_version(wanted, answer.packages[line.name].version)
        if self._fails([*others, new], self.source.pins):
            return None
        if why := self._why_not_built(answer.packages[line.name]):
            self._unbuildable[line] = f"{new} fits, but cannot be built on MWAA: {why}."
            return None
        return Proposal(line.path, line.number, line.text, new)

    def _why_not_built(self, package: Package) -> str:
        """Return why a package without a wheel is sure to fail on MWAA, "" where that is not so or not known."""
        metadata = self.resolver.metadata({package.name: package}, self.source.options)
        if not without_wheel({package.name: package}, metadata, self.resolver.release):
            return ""
        build = Builds(self.resolver, self.source.options, self.script).try_one(package.name, package.version)
        return build.why if build.outcome is Outcome.FAILS else ""

    def _unexplained(self, refused: Refused) -> Clash:
        """Return the refusal in uv's words, where no part of the file could be found in time."""
        line = next(iter(self.source.packages), None)
        return Clash(self.source.path, line.number if line else 0, "", "", "", refused.reasons.gist)


def _is_open(line: Line) -> bool:
    """Whether another version may be put into the line: it names a package of an index, and no file of it."""
    return line.requirement is not None and not (line.url or line.is_editable or line.options or line.hashes)


def _against(pin: Pin, cause: _Cause) -> str:
    """Return one sentence on a pin: who wants what, and who holds it where."""
    version = pin.text.removeprefix(pin.name).removeprefix("==")
    if pin.is_of_file:
        held = f"{pin.origin} holds {pin.name} at {version}"
    else:
        held = f"{pin.origin[:1].upper()}{pin.origin[1:]} hold {pin.name} at {version}"
    if pin.name in {line.name for line in cause.core}:
        return f"{held}."
    if wants := cause.reasons.wants(pin.name):
        return f"{held}, but {wants[0]} needs {pin.name}{wants[1]}."
    return f"{held}, which none of these versions fits."


def _with_version(wanted: Requirement, version: str) -> str:
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f"; {wanted.marker}" if wanted.marker else ""
    return f"{wanted.name}{extras}{f'=={version}' if version else ''}{marker}"
