"""The outcome of resolving, as findings like those of every rule. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mwaa_local.check.requirements.changes import REPLACES_AIRFLOW
from mwaa_local.check.requirements.pip_choice import LONG_RESOLUTION, PIP_NOT_ASKED
from mwaa_local.check.requirements.provider_modules import PROVIDER_MISSING, PROVIDER_MODULE_MISSING
from mwaa_local.check.requirements.rules_files import syntax_hint
from mwaa_local.check.requirements.source_findings import (
    BUILD_FAILS_HERE,
    BUILD_NOT_TRIED,
    BUILT_FROM_SOURCE,
    NO_WHEEL,
    no_wheel_finding,
    source_finding,
)
from mwaa_local.check.requirements.startup_findings import EXPORTS_UNKNOWN, SETTING_NOT_FOLLOWED
from mwaa_local.check.requirements.verdict import Checked, Clash, Conflict, NoWheel, Unchecked, Works
from mwaa_local.check.requirements.yanked import YANKED_RELEASE
from mwaa_local.check.showing import shown_finding
from mwaa_local.finding import ERROR, NOT_CHECKED, WARNING, Finding

# Rules that no line of `rules` finds: they come out of resolving.
UNREADABLE_LINE = "invalid-requirement"  # which `rules_files` finds, too
CONFLICT = "conflict"
BROKEN_PACKAGE = "broken-package"
INSTALL_FAILED, IMPORT_ERROR = "install-failed", "import-error"  # of `install_trial`
RULES = {
    CONFLICT: "pip finds no set of versions that fits the requirements and MWAA's pins",
    NO_WHEEL: "a package has no wheel and cannot be built in MWAA's containers",
    NOT_CHECKED: "the requirements could not be resolved",
    BROKEN_PACKAGE: "a package of MWAA's image no longer works with the requirements",
    REPLACES_AIRFLOW: "a requirement makes pip replace the release's Airflow",
    LONG_RESOLUTION: "pip has to try so many releases that MWAA may stop it",
    PIP_NOT_ASKED: "pip may take other versions, and could not be asked here",
    BUILT_FROM_SOURCE: "a package without a wheel for MWAA's platform is built there at every start",
    BUILD_NOT_TRIED: "a package is built on MWAA at every start, which this machine could not try",
    BUILD_FAILS_HERE: "a package is built on MWAA at every start, and its build fails or differs here",
    EXPORTS_UNKNOWN: "the startup script may set what pip needs, and could not be run here",
    SETTING_NOT_FOLLOWED: "the startup script exports a setting of pip that this check does not follow",
    YANKED_RELEASE: "a version that pip would install was withdrawn from the package index",
    PROVIDER_MODULE_MISSING: "a DAG or plugin imports a module that its provider does not have in the version on MWAA",
    PROVIDER_MISSING: "a DAG or plugin imports from a provider that is neither in the image nor in the requirements",
    INSTALL_FAILED: "with `--install`: pip failed to install the requirements",
    IMPORT_ERROR: "with `--install`: a module cannot be imported, or a changed provider no longer has it",
}


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
        return tuple(shown_finding(no_wheel_finding(checked.path, package)) for package in verdict.packages)
    if isinstance(verdict, Unchecked):
        return (
            shown_finding(
                Finding(NOT_CHECKED, ERROR, checked.path, 0, verdict.what, verdict.why, verdict.hint),
            ),
        )
    return ()


def other_findings(checked: Checked) -> tuple[Finding, ...]:
    """Return the findings of the rules, and those on requirements that can be installed."""
    return tuple(shown_finding(finding) for finding in (*_of_works(checked), *checked.findings))


def _of_works(checked: Checked) -> Iterable[Finding]:
    if not isinstance(checked.verdict, Works):
        return
    for broken in checked.verdict.broken:
        what = f"{broken.name} no longer works with the requirements"
        yield Finding(BROKEN_PACKAGE, WARNING, checked.path, 0, what, broken.why)
    for package in checked.verdict.built:
        yield source_finding(checked.path, package)


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
        return clash.hint
    place = f"{proposal.path}:{proposal.line}"
    change = f"change `{proposal.old}` to `{proposal.new}`" if proposal.new else f"remove `{proposal.old}`"
    return f"{change} ({place})" + (f", or {clash.hint}" if clash.hint else "")
