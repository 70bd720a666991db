"""Why no versions fit: which lines of the file, against which pins, and which change of a line would do.

uv reports a conflict in its own words. More questions to it find the smallest parts that still conflict, so that each
conflict is reported in terms of what the user wrote and what MWAA adds.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.builds import Builds
from mwaa_local.check.requirements.changes import without_wheel
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.minimal import minimal
from mwaa_local.check.requirements.resolver import NotReached, Package, Refused, Resolved, Resolver
from mwaa_local.check.requirements.rule import exact_version
from mwaa_local.check.requirements.source import Pin, Source
from mwaa_local.check.requirements.uv_words import Reasons
from mwaa_local.check.requirements.verdict import Clash, Conflict, Proposal
from mwaa_local.check.requirements.ways_out import ways_out
from mwaa_local.requirements.build_judgement import Build, Outcome

LEAST_S = 2.0  # for one question, so that one that began in time can end
EXPLAIN_LIMIT_S = 20.0  # after that, what is known by then is told: an answer in a minute is no answer in seconds
MAX_CLASHES = 10
MAX_PINS = 4  # told of for one line; more of them tell nothing new
THE_FILE = "what the file asks for"
NOT_THERE = "The file that it names is not there."
PATH_HINT = "put a wheel into plugins/, and write its path: /usr/local/airflow/plugins/…"
SPELLING_HINT = (
    "correct the name, or name the index that has it: `--extra-index-url`, or PIP_EXTRA_INDEX_URL in the startup script"
)
BOUND = "No version that `{text}` allows fits."
NO_VERSION_WORKS = "No other version of {name} works here either."
ALONE_HINT = "check `{text}` alone in a file of its own: mwaa-local check requirements FILE"
AGAIN_HINT = "run the check again when this machine is less busy, or take another version than `{text}`"
HALVES_HINT = "check a part of the lines in a file of its own: mwaa-local check requirements FILE"
TOO_LONG = f"Finding out why took longer than {EXPLAIN_LIMIT_S:g} s."


class _TimeIsUp(Exception):
    """The time for finding out more is over."""


@dataclass(frozen=True)
class _Cause:
    """Why some lines cannot be had: the pins that each by itself, or together, keep them out; and uv's words."""

    core: tuple[Line, ...]
    pins: tuple[Pin, ...]
    reasons: Reasons
    neighbours: str = ""  # the releases next to a pin that none of them fits

    @property
    def is_unexplained(self) -> bool:
        return not self.pins and not self.reasons.said


@dataclass
class Explanation:
    """One search for the causes of a refusal."""

    source: Source
    builds: Builds
    installed: Mapping[str, str]
    started: float = field(default_factory=time.monotonic)
    _asked: int = 0
    _unbuildable_hints: dict[Line, str] = field(default_factory=dict)
    _unbuildable: dict[Line, str] = field(default_factory=dict)  # what is to be said of the version that fits

    @property
    def resolver(self) -> Resolver:
        return self.builds.resolver

    def conflict(self, refused: Refused) -> Conflict:
        """Return every conflict that can be found in time; at least one."""
        causes: list[_Cause] = []
        proposed: dict[Line, Proposal | None] = {}  # None: no version of that package works
        neighbours: dict[Line, str] = {}
        with contextlib.suppress(_TimeIsUp):
            causes += self._causes()
            for cause in causes:
                line = cause.core[-1]
                kept = [item for item in self.source.packages if item not in {other.core[-1] for other in causes}]
                news = [proposal.new for proposal in proposed.values() if proposal is not None]
                if _is_open(line):
                    proposed[line] = self._proposal(line, [*kept, *news])
                    if proposed[line] is None:
                        neighbours[line] = self._neighbours(line, cause)
        told = [
            self._clash(replace(cause, neighbours=neighbours.get(cause.core[-1], "")), proposed) for cause in causes
        ]
        return Conflict(tuple(told) or (self._unexplained(refused),), refused.said)

    def _causes(self) -> list[_Cause]:
        """Return what keeps lines of the file out, until the rest of it works or time is over."""
        lost = [line for line in self.source.packages if self.source.names_nothing(line)]
        rest = [line for line in self.source.packages if line not in lost]
        found = [_Cause((line,), (), Reasons("")) for line in lost]
        with contextlib.suppress(_TimeIsUp):
            while rest and len(found) < MAX_CLASHES and (cores := self._cores(rest)):
                for core in cores:
                    rest = [line for line in rest if line is not core[-1]]
                    found.append(_Cause(tuple(core), (), Reasons("")))
        for number, cause in enumerate(found[len(lost) :], len(lost)):
            with contextlib.suppress(_TimeIsUp):
                found[number] = self._cause(cause.core)
        return found

    def _ask(self, lines: Sequence[Line | str], pins: Sequence[Pin], *, lowest: bool = False) -> Resolved | Refused:
        """Return the outcome, `lowest` with the oldest releases that fit the lines. Raises _TimeIsUp."""
        if time.monotonic() - self.started > EXPLAIN_LIMIT_S:
            raise _TimeIsUp
        self._asked += 1
        left_s = max(LEAST_S, EXPLAIN_LIMIT_S - (time.monotonic() - self.started))
        question = self.source.question(lines, pins, self.installed, f"explain.{self._asked}")
        answer = self.resolver.within(left_s).resolve(replace(question, lowest_direct=lowest))
        if isinstance(answer, NotReached):
            raise _TimeIsUp  # an index that is not reached now was reached before
        return answer

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
            is_bound = not exact_version(line.requirement) and bool(line.requirement.specifier)
            none_fits = BOUND.format(text=line.text) if is_bound else NO_VERSION_WORKS.format(name=line.name)
            why += f" {self._unbuildable.get(line) or none_fits}"
        hint = self._unbuildable_hints.get(line) or self._hint(cause, is_tried=line in proposed)
        return Clash(line.path, line.number, line.text, other, origin, why, proposal, hint=hint)

    def _hint(self, cause: _Cause, *, is_tried: bool) -> str:
        """Return what to do about it, other than to change the version."""
        line = cause.core[-1]
        if cause.pins:
            return ways_out(cause.pins, self.resolver.release, line, is_tried=is_tried)
        if self.source.names_nothing(line):
            return PATH_HINT
        if cause.is_unexplained:
            return ALONE_HINT.format(text=line.text)
        return SPELLING_HINT if cause.reasons.unknown_package else ""

    def _description(self, cause: _Cause) -> tuple[str, str, str]:
        """Return the other side, its origin, and a paragraph."""
        line, reasons = cause.core[-1], cause.reasons
        if cause.pins:
            origins = dict.fromkeys(pin.origin for pin in cause.pins)
            texts = dict.fromkeys(pin.text for pin in cause.pins)
            names = {item.name for item in cause.core}
            why = cause.neighbours or " ".join(against(pin, names, reasons) for pin in cause.pins)
            return ", ".join(texts), " and ".join(origins), why
        if self.source.names_nothing(line):
            return "", "", NOT_THERE
        if cause.is_unexplained:
            return "", "", TOO_LONG
        if len(cause.core) > 1:
            first = cause.core[0]
            others = ", ".join(item.text for item in cause.core[:-1])
            return others, f"{first.path}:{first.number}", reasons.gist
        if reasons.unknown_package:
            return "", "", f"The package index has no package called {reasons.unknown_package}."
        release = self.resolver.release
        if reasons.pythons:
            who = reasons.of_python or line.name
            return "", "", f"{who} needs Python {reasons.pythons}, and MWAA has {release.python_version}."
        if who := reasons.without_wheel:
            place = f"Python {release.python_version} on Linux x86-64"
            return "", "", f"{who} has no wheel for MWAA ({place}), and no source to build one from."
        if line.requirement is not None and reasons.is_for_want_of_a_version:
            return "", "", f"The package index has no such version of {line.name}."
        return "", "", reasons.gist

    def _proposal(self, line: Line, others: Sequence[Line | str]) -> Proposal | None:
        """Return the same line with a version that works together with all that is left of the file.

        What the line pins may change; a bound that it sets is kept.
        """
        wanted = line.requirement
        assert wanted is not None
        is_pinned = exact_version(wanted) != ""
        answer = self._ask([*others, _with_version(wanted, "") if is_pinned else line], self.source.pins)
        if not isinstance(answer, Resolved) or line.name not in answer.packages:
            return None
        new = _with_version(wanted, answer.packages[line.name].version)
        if self._fails([*others, new], self.source.pins):
            return None
        if why := self._why_not_built(answer.packages[line.name]):
            self._unbuildable[line] = f"{new} fits, but cannot be built on MWAA: {why.why}."
            if why.hint:
                self._unbuildable_hints[line] = f"write {new}, and {why.hint}"
            return None
        return Proposal(line.path, line.number, line.text, new)

    def _why_not_built(self, package: Package) -> Build | None:
        """Return the build of a package without a wheel that is sure to fail on MWAA, None for any other."""
        metadata = self.resolver.metadata({package.name: package}, self.source.options)
        if not without_wheel({package.name: package}, metadata, self.resolver.release):
            return None
        build = self.builds.try_one(package.name, package.version)
        return build if build.outcome is Outcome.FAILS else None

    def _neighbours(self, line: Line, cause: _Cause) -> str:
        """Return what the releases next to a pin want of it, where no release fits; "" where that is not the reason."""
        pin = cause.pins[0] if len(cause.pins) == 1 else None
        version = pin.text.removeprefix(f"{pin.name}==") if pin else ""
        if pin is None or line.requirement is None or pin.name == line.name or pin.text == version:
            return ""
        found: list[str] = []
        with contextlib.suppress(_TimeIsUp):
            below = self._beside(line.name, Pin(pin.name, f"{pin.name}<{version}", ""), lowest=False)
            after = f"{line.name}>{below}" if below else line.name
            above = self._beside(after, Pin(pin.name, f"{pin.name}>{version}", ""), lowest=True)
            for release in filter(None, (below, above)):
                refused = self._ask([f"{line.name}=={release}"], [pin])
                wants = refused.reasons.wants(pin.name) if isinstance(refused, Refused) else None
                if wants and wants[0].startswith(line.name):
                    found.append(f"{line.name} {release} needs {pin.name}{wants[1]}")
        return f"{_held(pin, version)}, but {' and '.join(found)}." if found else ""

    def _beside(self, text: str, pin: Pin, *, lowest: bool) -> str:
        """Return the release of a package on one side of a pin, "" for none."""
        answer = self._ask([text], [pin], lowest=lowest)
        name = canonicalize_name(Requirement(text).name)
        return answer.packages[name].version if isinstance(answer, Resolved) else ""

    def _unexplained(self, refused: Refused) -> Clash:
        """Return the refusal in uv's words, where no part of the file could be found in time."""
        is_late = time.monotonic() - self.started > EXPLAIN_LIMIT_S
        why = f"{TOO_LONG if is_late else ''} {refused.reasons.gist}".strip()
        if len(self.source.packages) == 1:
            line = self.source.packages[0]
            hint = AGAIN_HINT.format(text=line.text) if is_late else ""
            return Clash(line.path, line.number, line.text, "", "", why, hint=hint)
        return Clash(self.source.path, 0, THE_FILE, "", "", why, hint=HALVES_HINT)


def _is_open(line: Line) -> bool:
    """Whether another version may be put into the line: it names a package of an index, and no file of it."""
    is_of_index = not (line.url or line.local_paths or line.is_editable)
    return line.requirement is not None and is_of_index and not (line.options or line.hashes)


def _held(pin: Pin, version: str) -> str:
    if pin.is_of_file:
        return f"{pin.origin} holds {pin.name} at {version}"
    return f"{pin.origin[:1].upper()}{pin.origin[1:]} hold {pin.name} at {version}"


def against(pin: Pin, names: Container[str], reasons: Reasons) -> str:
    """Return one sentence on a pin: who wants what, and who holds it where. `names` are those of the file's lines."""
    version = pin.text.removeprefix(pin.name).removeprefix("==")
    held = _held(pin, version)
    if pin.name in names:
        return f"{held}."
    wants = reasons.wants(pin.name)
    if wants and not _is_met(wants[1], version):
        return f"{held}, but {wants[0]} needs {pin.name}{wants[1]}."
    return f"{held}, which none of these versions fits."


def _is_met(specifier: str, version: str) -> bool:
    """Whether what somebody wants is what a pin gives: then it is no reason, though uv says it on its way to one."""
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except ValueError:
        return False


def _with_version(wanted: Requirement, version: str) -> str:
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f"; {wanted.marker}" if wanted.marker else ""
    return f"{wanted.name}{extras}{f'=={version}' if version else ''}{marker}"
