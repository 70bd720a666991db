"""Rules on the packages asked for, against what MWAA's image has and always pins.

Sources: MWAA user guide, "Installing Python dependencies" and "Managing Python dependencies in requirements.txt";
aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and `bin/airflow-user/safe-pip-install`.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.rule import AIRFLOW_PACKAGES, Case, Rule, admits, at, exact_version, quoted
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding

AIRFLOW_SDK = "apache-airflow-task-sdk"


def _overrides_essential(case: Case) -> Iterator[Finding]:
    for line, requirement in case.named_packages:
        pin = case.essential.get(line.name)
        if pin and line.name not in AIRFLOW_PACKAGES and not admits(requirement, pin):
            yield at(
                line,
                "overrides-essential",
                ERROR,
                f"{quoted(line)}: MWAA holds {line.name} at {pin}",
                f"This is one of the pins that MWAA's pip always applies for {case.airflow}, whatever constraints "
                "the file names. pip refuses the whole file.",
                f"remove the line, or ask for {line.name}=={pin}",
            )


def _overrides_base(case: Case) -> Iterator[Finding]:
    for line, requirement in case.named_packages:
        version = case.base.get(line.name)
        is_other_rule = line.name in (*AIRFLOW_PACKAGES, AIRFLOW_SDK) or line.name in case.essential
        if version and not is_other_rule and not admits(requirement, version):
            held = case.held.get(line.name)
            is_refused = held is not None and not admits(requirement, held)
            yield at(
                line,
                "overrides-base",
                ERROR if is_refused else WARNING,
                f"{quoted(line)} replaces {line.name} {version} of MWAA's image",
                f"The constraints hold it at {held}, so pip refuses the file."
                if is_refused
                else "Airflow and its providers use it too; pip does not test whether they work with another version.",
                f"leave the version out unless you need it, or ask for {line.name}=={version}",
            )


def _unpinned(case: Case) -> Iterator[Finding]:
    if case.has_unknown_constraints:
        return
    for line, requirement in case.named_packages:
        version = case.base.get(line.name)
        is_installed = version is not None and admits(requirement, version)  # pip leaves it alone then
        is_held = line.name in case.held or is_installed or line.url != "" or line.local_paths != ()
        if not is_held and not exact_version(requirement) and line.name not in AIRFLOW_PACKAGES:
            yield at(
                line,
                "unpinned",
                WARNING,
                f"{quoted(line)} is not pinned",
                "MWAA installs the file again whenever a container starts, so a new release can get in, and "
                "containers can differ.",
                f"name one version: {line.name}==…",
            )


def _requests_airflow(case: Case) -> Iterator[Finding]:
    versions = {
        **dict.fromkeys(AIRFLOW_PACKAGES, case.release.airflow_version),
        AIRFLOW_SDK: case.base.get(AIRFLOW_SDK),
    }
    for line, requirement in case.named_packages:
        version = versions.get(line.name)
        if version is None:
            continue
        if not admits(requirement, version):
            what = f"{quoted(line)}: the environment has {line.name} {version}"
            why = "MWAA's Airflow is a part of its image. Another version is refused by pip, or breaks the environment."
            hint = "remove the line; the version of Airflow is the environment's AirflowVersion"
            yield at(line, "requests-airflow", ERROR, what, why, hint)
            continue
        extras = ",".join(sorted(requirement.extras))
        what = f"{quoted(line)}: Airflow is in MWAA's image already"
        hint = f"name the packages that you need of [{extras}] themselves" if extras else "remove the line"
        yield at(line, "requests-airflow", WARNING, what, "The line must be changed with each upgrade.", hint)


def _duplicate_requirement(case: Case) -> Iterator[Finding]:
    first: dict[str, tuple[Line, Requirement]] = {}
    for line, requirement in case.named_packages:
        other_line, other = first.setdefault(line.name, (line, requirement))
        if other_line is line:
            continue
        place = f"{other_line.path}:{other_line.number}"
        pin = exact_version(requirement) or exact_version(other)
        is_refused = pin != "" and not (admits(requirement, pin) and admits(other, pin))
        severity = ERROR if is_refused else NOTE if str(requirement) == str(other) else WARNING
        why = "No version fits both, so pip refuses the whole file." if is_refused else "pip applies both lines."
        what = f"{quoted(line)}: {line.name} is asked for at {place} already"
        yield at(line, "duplicate-requirement", severity, what, why, "leave one line of the two")


RULES = (
    Rule(
        "overrides-essential",
        (ERROR,),
        "The file asks for a version that MWAA's essential pins exclude.",
        _overrides_essential,
    ),
    Rule(
        "overrides-base",
        (WARNING, ERROR),
        "The file asks for a version that replaces a package of MWAA's image.",
        _overrides_base,
    ),
    Rule("unpinned", (WARNING,), "Nothing holds a package at one version.", _unpinned),
    Rule("requests-airflow", (WARNING, ERROR), "The file asks for Airflow itself.", _requests_airflow),
    Rule(
        "duplicate-requirement",
        (ERROR, WARNING, NOTE),
        "The file asks for a package more than once.",
        _duplicate_requirement,
    ),
)
