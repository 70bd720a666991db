"""What checking a requirements file for one release ends with: one type per outcome."""

from __future__ import annotations

from dataclasses import dataclass

from mwaa_local.finding import Finding


@dataclass(frozen=True)
class PackageChange:
    """A package that MWAA's image does not have, or has in another version."""

    name: str
    version: str
    base_version: str  # of MWAA's image; "" where it has none
    is_downgrade: bool
    reasons: tuple[str, ...]  # lines of the file as `requirements.txt:3`, or packages that need it
    size_bytes: int | None  # of what pip downloads; None where the index does not tell
    places: tuple[tuple[str, int], ...] = ()  # the lines among the reasons: name of the file, number


@dataclass(frozen=True)
class SourceOnly:
    """A package without a wheel for MWAA's platform. `problem` is why it cannot be built there; "" where it can.

    `outcome` is what a build here says of MWAA: `builds`, `untried`, `doubtful` or `fails`. `wanted_by` are the
    packages from the one that the line asks for to the one that needs this; none where the line names it.
    """

    name: str
    version: str
    problem: str
    outcome: str = ""
    path: str = ""
    line: int = 0
    wanted_by: tuple[str, ...] = ()
    no_wheel: str = ""  # why no wheel fits
    newest_with_wheel: str = ""  # the newest version that has one, "" for none or unknown
    hint: str = ""


@dataclass(frozen=True)
class Broken:
    """A package of MWAA's image that no longer works with the requirements."""

    name: str
    why: str


@dataclass(frozen=True)
class Works:
    """pip would install it. `broken` is what pip only warns of afterwards."""

    changes: tuple[PackageChange, ...]
    broken: tuple[Broken, ...] = ()
    built: tuple[SourceOnly, ...] = ()
    install_estimate_s: float | None = None


@dataclass(frozen=True)
class Proposal:
    """A change of one line that was itself resolved. `new` is "" if the line must be removed."""

    path: str
    line: int
    old: str
    new: str


@dataclass(frozen=True)
class Clash:
    """One conflict: a line of the file, what is on the other side, and where that comes from."""

    path: str
    line: int
    requirement: str
    other: str  # "pandas==3.0.5"
    origin: str  # "the constraints of Airflow 3.3.1", "MWAA's essential pins", "requirements.txt:4", …
    why: str  # a paragraph
    proposal: Proposal | None = None
    is_unreadable: bool = False  # pip cannot even read the line; there is no other side then
    hint: str = ""  # what else to do than the proposal, or in its place


@dataclass(frozen=True)
class Conflict:
    """pip would refuse it."""

    clashes: tuple[Clash, ...]
    said: str  # the resolver's own words

    @property
    def is_unreadable(self) -> bool:
        """Whether it consists of lines that pip cannot read, so that nothing was resolved."""
        return bool(self.clashes) and all(clash.is_unreadable for clash in self.clashes)


@dataclass(frozen=True)
class NoWheel:
    """Packages that exist as source alone and cannot be built in MWAA's containers."""

    packages: tuple[SourceOnly, ...]


@dataclass(frozen=True)
class Unchecked:
    """Nothing can be said: an index did not answer, a file cannot be read."""

    what: str
    why: str = ""
    hint: str = ""


Verdict = Works | Conflict | NoWheel | Unchecked


@dataclass(frozen=True)
class Checked:
    """A requirements file, checked for one release."""

    path: str
    airflow_version: str
    python_version: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    elapsed_s: float

    @property
    def outcome(self) -> str:
        """One word: `works`, `conflict`, `invalid`, `no-wheel`, `not-checked`."""
        if isinstance(self.verdict, Conflict) and self.verdict.is_unreadable:
            return "invalid"
        words = {Works: "works", Conflict: "conflict", NoWheel: "no-wheel", Unchecked: "not-checked"}
        return words[type(self.verdict)]
