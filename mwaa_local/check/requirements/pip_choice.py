"""Of several sets of versions that fit, the one that pip takes.

pip leaves an installed package alone as long as it fits, takes the newest of any other, and moves an installed one
where that asks for it. uv would rather step back to a release with which the image stays as it is. Where that can make
a difference, pip itself is asked (`pip_plan`); two cheap questions to uv find out whether it can:

1. Is everything that changes at its newest release? Then pip takes the same.
2. Else, is what is older held there by those that want it, and by nothing in the image? Then, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.changes import changed
from mwaa_local.check.requirements.index_versions import newer_versions
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.pip_plan import Chosen, NotAsked, PipRefused, Pips, PipStopped, Planned
from mwaa_local.check.requirements.resolver import NotReached, Package, Question, Refused, Resolved, Resolver
from mwaa_local.check.requirements.rule import exact_version, marker_variables
from mwaa_local.check.requirements.source import Source
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.release import Release
from mwaa_local.requirements.install import REQUIREMENTS_INSTALL_TIMEOUT_S
from mwaa_local.requirements.prepare import ConstraintSource

AIRFLOW = "apache-airflow"
LONG_RESOLUTION, PIP_NOT_ASKED = "long-resolution", "pip-not-asked"  # the rules
MAX_SUSPECTS = 8  # with more of them, pip is the faster one to ask
MAX_NAMED = 4  # packages in one sentence
MAX_COUNTED = 3  # packages whose releases are counted, a page of the index for each
MANY_RELEASES = 10  # from there on, pip's search is worth a warning: it downloads most of them

Answer = Resolved | Refused | NotReached


@dataclass
class PipChoice:
    """Finds pip's answer to one file. `pips` is None where pip is not to be asked at all."""

    source: Source
    resolver: Resolver
    pips: Pips | None
    variables: Mapping[str, str]
    root_dir: Path
    findings: list[Finding] = field(default_factory=list)

    @property
    def _release(self) -> Release:
        return self.resolver.release

    def settled(self, question: Question) -> Answer:
        """Return what pip would take, or refuse; adds what there is to say of that to `findings`.

        That is uv's answer where the two cannot differ, and where pip could not be asked.
        """
        unread = self._unread_extras()
        is_held = self._is_held() and unread is None
        answer = self.resolver.resolve(question) if is_held else self.resolver.resolve_leniently(question)
        # Another Airflow is an error whichever one it is.
        if self.pips is None or not isinstance(answer, Resolved) or self._moves_airflow(answer):
            return answer
        if unread is not None:
            return self._with_extras(unread, answer)
        if archives := self._assumed(answer, is_archive=True):
            return self._with_archives(archives, answer)
        suspects = {} if is_held else self._suspects(answer)
        if not suspects:
            return answer
        plan = self.pips.plan(self.source, self._release, self.variables, self.root_dir)
        if isinstance(plan, Planned):
            return self._resolved(plan, answer)
        if isinstance(plan, PipRefused):
            return Refused(plan.said)
        if isinstance(plan, PipStopped):
            self.findings.append(self._stopped(plan, suspects, answer))
        else:
            self.findings.append(self._not_asked(plan, suspects, answer))
        return answer

    def _is_held(self) -> bool:
        """Whether Airflow's own constraints hold: they leave no choice that matters."""
        lines = (entry for entry in self.source.entries if isinstance(entry, Line))
        named = any(url in self._release.constraints_urls for line in lines for url in line.values("constraint"))
        return named or self.source.prepared.constraints is ConstraintSource.INJECTED

    def _unread_extras(self) -> Line | None:
        """Return the line that asks for extras of an Airflow whose metadata uv cannot read, and so knows none of."""
        asking = (line for line in self.source.packages if line.name == AIRFLOW and line.requirement)
        found = next((line for line in asking if line.requirement and line.requirement.extras), None)
        return found if self._release.airflow_requires else None

    def _with_extras(self, line: Line, answer: Resolved) -> Answer:
        """Return what pip takes, which reads that metadata; without its answer, uv's, which lacks all of the extras."""
        assert self.pips is not None
        plan = self.pips.plan(self.source, self._release, self.variables, self.root_dir)
        if isinstance(plan, Planned):
            return self._resolved(plan, answer)
        if isinstance(plan, PipRefused):
            return Refused(plan.said)
        why = plan.why if isinstance(plan, NotAsked) else f"it had no answer after {plan.limit_s:g} s"
        what = f"what the extras of {AIRFLOW} {self._release.airflow_version} bring is not known"
        told = f"Only pip can read the metadata of this Airflow, and pip's own answer is not known here: {why}."
        hint = "name the packages that you need from the extras yourself"
        self.findings.append(Finding(PIP_NOT_ASKED, WARNING, line.path, line.number, what, told, hint))
        return answer

    def _assumed(self, answer: Resolved, *, is_archive: bool) -> list[Package]:
        """Return the packages of which uv does not know what they require: an archive is refused, or a build fails."""
        assumed = self.resolver.assumed
        return [item for item in answer.packages.values() if assumed.get((item.name, item.version)) is is_archive]

    def _with_archives(self, archives: Sequence[Package], answer: Resolved) -> Answer:
        """Return what pip takes, which unpacks them; without its answer, uv's, which lacks what they need."""
        assert self.pips is not None
        plan = self.pips.plan(self.source, self._release, self.variables, self.root_dir)
        if isinstance(plan, Planned):
            return self._resolved(plan, answer)
        # What cannot be built here has no fitting version for pip, though MWAA may build it.
        if isinstance(plan, PipRefused) and not self._assumed(answer, is_archive=False):
            return Refused(plan.said)
        why = {PipRefused: "packages beside it cannot be built here", PipStopped: "pip had no answer in time"}
        told = plan.why if isinstance(plan, NotAsked) else why[type(plan)]
        named = {item.name: item for item in archives}
        self.findings.append(
            Finding(
                PIP_NOT_ASKED,
                WARNING,
                self.source.path,
                next(self._lines_behind(named, answer), 0),
                f"what {_some(_named(named))} needs is not known",
                f"uv does not unpack its archive, and pip's own answer is not known here: {told}.",
                "name the packages that it needs yourself, or take a version that has a wheel",
            )
        )
        return answer

    def _moves_airflow(self, answer: Resolved) -> bool:
        item = answer.packages.get(AIRFLOW)
        return item is not None and item.version != self._release.packages.base.get(AIRFLOW)

    def _suspects(self, answer: Resolved) -> dict[str, Package]:
        """Return the packages of which pip may take a newer release."""
        exact = {pin.name for pin in self.source.pins if "==" in pin.text}
        exact |= {line.name for line in self.source.packages if exact_version(line.requirement)}
        moved = changed(answer.packages, self._release)
        free = {name: item for name, item in moved.items() if item.version and name not in exact}
        if not free:
            return {}
        newest = self._ask([text for name in free for text in self._wanted(name)], "newest", with_dependencies=False)
        found = newest.packages if isinstance(newest, Resolved) else {}
        behind = {name: item for name, item in free.items() if name not in found or found[name].version != item.version}
        if len(behind) > MAX_SUSPECTS:
            return behind
        return {name: item for name, item in behind.items() if not self._is_capped(item, answer)}

    def _wanted(self, name: str) -> list[Line | str]:
        """Return the file's lines about a package, else its name."""
        return [line for line in self.source.packages if line.name == name] or [name]

    def _is_capped(self, item: Package, answer: Resolved) -> bool:
        """Whether those that want a package allow no newer release of it, whatever becomes of the image."""
        wanting = [answer.packages[via] for via in item.via if via in answer.packages]
        pinned = [f"{other.name}=={other.version}" for other in wanting if other.version]
        alone = self._ask([*pinned, *self._wanted(item.name)], f"capped-{item.name}")
        return isinstance(alone, Resolved) and alone.packages[item.name].version == item.version

    def _ask(self, lines: Sequence[Line | str], name: str, *, with_dependencies: bool = True) -> Answer:
        question = self.source.question(lines, self.source.pins, {}, name)
        return self.resolver.resolve_leniently(replace(question, with_dependencies=with_dependencies))

    def _resolved(self, plan: Planned, answer: Resolved) -> Resolved:
        packages = packages_of(plan.packages, self._release)
        yanked = {item.name: answer.yanked.get(item.name, "") for item in plan.packages if item.is_yanked}
        return Resolved(packages, yanked)

    def _not_asked(self, plan: NotAsked, suspects: Mapping[str, Package], answer: Resolved) -> Finding:
        """Return how much pip would have to do, as far as the index tells."""
        line, hint = next(self._lines_behind(suspects, answer), 0), f"pin {_some(pins_of(suspects))}"
        why = (
            f"Nothing holds {_some(_named(suspects))}, and pip begins with the newest release even if the image has to "
            f"change for it. pip's own answer is not known here: {plan.why}."
        )
        if (ahead := self._releases_ahead(suspects)) < MANY_RELEASES:
            what = "pip may take other versions than those named here"
            return Finding(PIP_NOT_ASKED, NOTE, self.source.path, line, what, why, hint)
        what = f"pip may have to go through {ahead} releases before it finds some that go together"
        why += f" It has {REQUIREMENTS_INSTALL_TIMEOUT_S} s for that on MWAA."
        return Finding(LONG_RESOLUTION, WARNING, self.source.path, line, what, why, hint)

    def _releases_ahead(self, suspects: Mapping[str, Package]) -> int:
        """Return how many newer releases there are of what pip would begin with; 0 where no index tells."""
        counted, env = list(suspects.values())[:MAX_COUNTED], self.pips.env if self.pips else {}
        return sum(newer_versions(self.resolver.index_url, item.name, item.version, env) for item in counted)

    def _stopped(self, plan: PipStopped, suspects: Mapping[str, Package], answer: Resolved) -> Finding:
        """Return what to say of a pip that was stopped, with the pins that end its search."""
        is_over = plan.limit_s >= REQUIREMENTS_INSTALL_TIMEOUT_S
        pins = self._ending_pins(suspects)
        names = [f"{number} of {name}" for name, number in list(plan.tried.items())[:MAX_NAMED]]
        looked = f" It went through {sum(plan.tried.values())} releases: {', '.join(names)}." if names else ""
        return Finding(
            LONG_RESOLUTION,
            ERROR if is_over else WARNING,
            self.source.path,
            next(self._lines_behind(suspects, answer), 0),
            f"pip {'was stopped after' if is_over else 'found no versions within'} {plan.limit_s:g} s",
            f"Nothing holds {_some(_named(suspects))}, so pip begins with the newest release, for which the image "
            f"would have to change, and goes back from there.{looked} MWAA stops pip after "
            f"{REQUIREMENTS_INSTALL_TIMEOUT_S} s, and starts Airflow without the requirements.",
            f"add {', '.join(pins)}: with that, pip is done in time"
            if pins
            else f"pin what nothing holds, for example {_some(pins_of(suspects))}",
        )

    def _ending_pins(self, suspects: Mapping[str, Package]) -> list[str]:
        """Return pins with which pip comes to an end in time, as it did here; none where these do not do."""
        assert self.pips is not None
        pins = pins_of(suspects)
        plan = self.pips.plan(self.source, self._release, self.variables, self.root_dir, pins)
        return pins if isinstance(plan, Planned) else []

    def _lines_behind(self, suspects: Mapping[str, Package], answer: Resolved) -> Iterator[int]:
        names, seen = list(suspects), set[str]()
        while names:
            name = names.pop(0)
            yield from (line.number for line in self.source.packages if line.name == name)
            seen.add(name)
            item = answer.packages.get(name)
            names += [via for via in (item.via if item else ()) if via in answer.packages and via not in seen]


def _named(packages: Mapping[str, Package]) -> list[str]:
    return [f"{item.name} {item.version}" for item in packages.values()]


def _some(texts: Sequence[str]) -> str:
    """Return the first of them as text, and how many there are besides."""
    more = len(texts) - MAX_NAMED
    return ", ".join(texts[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def pins_of(packages: Mapping[str, Package]) -> list[str]:
    """Return the lines that hold packages where they are."""
    return [f"{item.name}=={item.version}" for item in packages.values()]


def packages_of(chosen: Sequence[Chosen], release: Release) -> dict[str, Package]:
    """Return pip's packages by name, each with those among them that want it."""
    via: dict[str, list[str]] = {item.name: [] for item in chosen}
    for item in chosen:
        for name in _needs(item, release):
            if name in via and item.name not in via[name]:
                via[name].append(item.name)
    return {item.name: Package(item.name, item.version, item.url, tuple(via[item.name])) for item in chosen}


def _needs(item: Chosen, release: Release) -> Iterator[str]:
    variables = marker_variables(release)
    for text in item.requires:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:  # of a release from before such texts were checked
            continue
        extras = item.extras or ("",)
        if wanted.marker is None or any(wanted.marker.evaluate({**variables, "extra": extra}) for extra in extras):
            yield canonicalize_name(wanted.name)
