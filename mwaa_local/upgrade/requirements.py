"""The requirements file for the release that an environment moves to: what it needs to change, tried out.

The file is checked as it is, as MWAA would install it, and where it names the constraints of the old release, with
those of the new one too: what else is wrong shows only then.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from mwaa_local.check import project as check
from mwaa_local.check.context import CheckContext
from mwaa_local.check.part import Part
from mwaa_local.check.report.fix import apply, proposals
from mwaa_local.check.report.text import summary
from mwaa_local.check.requirements.resolution import other_findings, resolution_findings
from mwaa_local.check.requirements.rules_constraints import OTHER_PYTHON, OTHER_RELEASE
from mwaa_local.check.requirements.verdict import Checked, Proposal, Verdict, Works
from mwaa_local.finding import ERROR, Finding, has_error, in_order
from mwaa_local.project import Project
from mwaa_local.startup.trial import Trials
from mwaa_local.upgrade.constraints import with_constraints_of
from mwaa_local.upgrade.copies import project_copy, told_of

ABOUT_CONSTRAINTS = (OTHER_RELEASE, OTHER_PYTHON)


@dataclass(frozen=True)
class RequirementsOfMove:
    """The part, the texts that files would have then, by their paths below the project's folder, and what they bring.

    `installed` are names as an index has them; None where they are not known.
    """

    part: Part = field(default_factory=lambda: Part(check.REQUIREMENTS))
    texts: Mapping[str, str] = field(default_factory=dict)
    installed: frozenset[str] | None = None


@dataclass(frozen=True)
class RequirementsRehearsal:
    """Checks the file of one project for one release. `is_today`: only as it is."""

    context: CheckContext
    trials: Trials
    is_today: bool = False

    def settled(self) -> RequirementsOfMove:
        """Return how the file fares, and what it would have to say."""
        project = self.context.project
        path = project.requirements_path
        if self.is_today or not path.is_file():
            nothing = None if path.is_file() else frozenset[str]()
            return RequirementsOfMove(check.requirements_part(self.context, self.trials), installed=nothing)
        text = _text(path)
        renewed = with_constraints_of(text, self.context.release) if text is not None else None
        if text is None or renewed is None or renewed == text:
            checked = check.checked_requirements(self.context, self.trials)
            return _settled(project, checked, _findings(checked), {})
        with project_copy(project, {path: renewed}) as copy, ThreadPoolExecutor(1) as beside:
            as_it_is = beside.submit(check.checked_requirements, self.context, self.trials)
            with_own = check.checked_requirements(replace(self.context, project=copy), self.trials)
            findings = [
                *_of_constraints(as_it_is.result()),
                *(told_of(project, copy, item) for item in _findings(with_own)),
            ]
        return _settled(project, with_own, findings, {with_own.path: renewed})


def _settled(
    project: Project, checked: Checked, findings: list[Finding], before: Mapping[str, str]
) -> RequirementsOfMove:
    texts = dict(before)
    by_path: dict[str, list[Proposal]] = {}
    for proposal in proposals(checked):
        by_path.setdefault(proposal.path, []).append(proposal)
    for path, of_file in by_path.items():
        text = texts.get(path, _text(project.root_dir / path))
        if text is not None:
            texts[path] = apply(text, of_file)
    part = Part(check.REQUIREMENTS, in_order(findings), summary=summary(checked))
    return RequirementsOfMove(part, texts, _installed(checked.verdict))


def _installed(verdict: Verdict) -> frozenset[str] | None:
    """Return the packages that a file brings; None where pip would not install it, or could not be asked."""
    if not isinstance(verdict, Works):
        return None
    return frozenset(canonicalize_name(change.name) for change in verdict.changes)


def _of_constraints(checked: Checked) -> list[Finding]:
    """Return what is to be said of old constraints: that pip would refuse the file with them, or what the rule says."""
    found = [item for item in checked.findings if item.rule in ABOUT_CONSTRAINTS]
    if not has_error(resolution_findings(checked)):
        return found
    why = f"With them, pip refuses the whole file on Airflow {checked.airflow_version}, and installs nothing."
    return [replace(item, severity=ERROR, why=why) for item in found]


def _findings(checked: Checked) -> list[Finding]:
    return [*resolution_findings(checked), *other_findings(checked)]


def _text(path: Path) -> str | None:
    """Return a file's text with its line ends; None where it cannot be read as UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
