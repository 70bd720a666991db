"""What is wrong in results of checks, as findings: the outcome of resolving is told in the same terms as every rule.

Pure. All text that leaves here is safe to show: without credentials, and without characters that steer a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mwaa_local.check.requirements.changes import REPLACES_AIRFLOW
from mwaa_local.check.requirements.provider_modules import PROVIDER_MISSING, PROVIDER_MODULE_MISSING
from mwaa_local.check.requirements.rules_files import syntax_hint
from mwaa_local.check.requirements.verdict import Checked, Clash, Conflict, NoWheel, SourceOnly, Unchecked, Works
from mwaa_local.check.requirements.yanked import YANKED_RELEASE
from mwaa_local.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding, in_order
from mwaa_local.masking import without_secrets

# Rules that no line of `rules` finds: they come out of resolving.
UNREADABLE_LINE = "invalid-requirement"  # which `rules_files` finds, too
CONFLICT, NO_WHEEL, NOT_CHECKED = "conflict", "no-wheel", "not-checked"
BROKEN_PACKAGE, BUILT_FROM_SOURCE = "broken-package", "built-from-source"
INSTALL_FAILED, IMPORT_ERROR = "install-failed", "import-error"  # of `install_trial`
RULES = {
    CONFLICT: "pip finds no set of versions that fits the requirements and MWAA's pins",
    NO_WHEEL: "a package has no wheel and cannot be built in MWAA's containers",
    NOT_CHECKED: "the requirements could not be resolved",
    BROKEN_PACKAGE: "a package of MWAA's image no longer works with the requirements",
    REPLACES_AIRFLOW: "a requirement makes pip replace the release's Airflow",
    BUILT_FROM_SOURCE: "a package without a wheel for MWAA's platform is built there at every start",
    YANKED_RELEASE: "a version that pip would install was withdrawn from the package index",
    PROVIDER_MODULE_MISSING: "a DAG or plugin imports a module that its provider does not have in the version on MWAA",
    PROVIDER_MISSING: "a DAG or plugin imports from a provider that is neither in the image nor in the requirements",
    INSTALL_FAILED: "with `--install`: pip failed to install the requirements",
    IMPORT_ERROR: "with `--install`: a module cannot be imported, or a changed provider no longer has it",
}

WORKS_CODE, FAILS_CODE, UNKNOWN_CODE = 0, 1, 3

# Control characters but tab and line break, and halves of surrogate pairs, which no encoding can write.
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True)
class Problem:
    """A finding and the releases it was found for, in the order they were checked."""

    finding: Finding
    airflow_versions: tuple[str, ...]
    is_everywhere: bool  # on every release that its file was checked for

    @property
    def where(self) -> str:
        """On which releases, as ` (Airflow 2.10.3, 3.3.1)`; "" where it is on all."""
        return "" if self.is_everywhere else f" (Airflow {', '.join(self.airflow_versions)})"


def shown(text: str) -> str:
    """Return text for people: credentials in URLs masked, Windows line ends plain, control characters replaced."""
    return _UNSHOWABLE.sub(_REPLACEMENT, without_secrets(text.replace("\r\n", "\n")))


def shown_line(text: str) -> str:
    """Return the same in one line."""
    return " ".join(shown(text).split())


def shown_finding(finding: Finding) -> Finding:
    """Return the finding with all its words safe to show; the path stays, for it has to be found again."""
    what = shown_line(finding.what) or finding.rule  # no format can do without words
    return replace(finding, what=what, why=shown(finding.why).strip(), hint=shown(finding.hint).strip())


def problems(checked: Sequence[Checked]) -> tuple[Problem, ...]:
    """Return everything there is to say, each once, by file and line, with the releases it is true of."""
    found: dict[Finding, list[Checked]] = {}
    for item in checked:
        for finding in in_order([*resolution_findings(item), *other_findings(item)]):
            found.setdefault(finding, []).append(item)
    return tuple(
        Problem(finding, tuple(item.airflow_version for item in found[finding]), _everywhere(found[finding], checked))
        for finding in in_order(found)
    )


def _everywhere(where: Sequence[Checked], checked: Sequence[Checked]) -> bool:
    paths = {item.path for item in where}
    return len(where) == sum(item.path in paths for item in checked)


def resolution_findings(checked: Checked) -> tuple[Finding, ...]:
    """Return why it cannot be installed, or why that is not known; nothing for what works."""
    verdict = checked.verdict
    if isinstance(verdict, Conflict):
        clashes = tuple(clash_finding(clash) for clash in verdict.clashes)
        return clashes or (
            shown_finding(
                Finding(CONFLICT, ERROR, checked.path, 0, "pip would refuse these requirements", verdict.said)
            ),
        )
    if isinstance(verdict, NoWheel):
        return tuple(_no_wheel(checked.path, package) for package in verdict.packages)
    if isinstance(verdict, Unchecked):
        return (
            shown_finding(
                Finding(NOT_CHECKED, ERROR, checked.path, 0, verdict.what, verdict.why, verdict.hint),
            ),
        )
    return ()


def other_findings(checked: Checked) -> tuple[Finding, ...]:
    """Return the findings of rules, and what is to be said of requirements that can be installed."""
    return tuple(shown_finding(finding) for finding in (*_of_works(checked), *checked.findings))


def _of_works(checked: Checked) -> Iterable[Finding]:
    if not isinstance(checked.verdict, Works):
        return
    for broken in checked.verdict.broken:
        what = f"{broken.name} no longer works with the requirements"
        yield Finding(BROKEN_PACKAGE, WARNING, checked.path, 0, what, broken.why)
    for package in checked.verdict.built:
        what = f"{package.name} {package.version} is built from source, because no wheel fits MWAA's platform"
        yield Finding(BUILT_FROM_SOURCE, NOTE, checked.path, 0, what, package.problem)


def clash_finding(clash: Clash) -> Finding:
    """Return one conflict as a finding; its hint is the proposal."""
    if clash.is_unreadable:
        what, why = (
            f"pip cannot read `{clash.requirement}`",
            f"{clash.why} It refuses the whole file, and installs nothing.",
        )
        hint = syntax_hint(clash.requirement)
        return shown_finding(Finding(UNREADABLE_LINE, ERROR, clash.path, clash.line, what, why, hint))
    what = f"{clash.requirement} conflicts with {clash.other}" if clash.other else f"{clash.requirement} cannot be met"
    if clash.origin:
        what += f" from {clash.origin}"
    return shown_finding(Finding(CONFLICT, ERROR, clash.path, clash.line, what, clash.why, _proposed(clash)))


def _proposed(clash: Clash) -> str:
    proposal = clash.proposal
    if proposal is None:
        return ""
    place = f"{proposal.path}:{proposal.line}"
    if not proposal.new:
        return f"remove `{proposal.old}` ({place})"
    return f"change `{proposal.old}` to `{proposal.new}` ({place})"


def _no_wheel(path: str, package: SourceOnly) -> Finding:
    what = f"{package.name} {package.version} has no wheel for MWAA's platform and cannot be built there"
    return shown_finding(Finding(NO_WHEEL, ERROR, path, 0, what, package.problem))


def counted(number: int, noun: str) -> str:
    """Return `1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def count(findings: Iterable[Finding]) -> str:
    """Return `1 error, 2 warnings`; "" for none."""
    severities = [finding.severity for finding in findings]
    present = [severity for severity in SEVERITIES if severity in severities]
    return ", ".join(counted(severities.count(severity), severity) for severity in present)


def has_error(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == ERROR for finding in findings)


def exit_code(checked: Sequence[Checked]) -> int:
    """Return 0 when all works, 1 when something does not, 3 when nothing is known to fail but not all was checked."""
    if any(isinstance(item.verdict, Conflict | NoWheel) or has_error(item.findings) for item in checked):
        return FAILS_CODE
    return UNKNOWN_CODE if any(isinstance(item.verdict, Unchecked) for item in checked) else WORKS_CODE


def findings_exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 when one of them is an error, else 0."""
    return FAILS_CODE if has_error(findings) else WORKS_CODE
