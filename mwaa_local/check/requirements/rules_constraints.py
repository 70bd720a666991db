"""Rules on constraints: which ones hold on MWAA, and whose they are.

Sources: MWAA user guide, "Installing Python dependencies" and "Managing Python dependencies in requirements.txt";
aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and `bin/airflow-user/safe-pip-install`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.rule import Case, Rule, at
from mwaa_local.finding import NOTE, WARNING, Finding

_OFFICIAL = re.compile(r"/constraints-(?P<airflow>[\w.-]+)/constraints(?:-[a-z-]+)?-(?P<python>\d+\.\d+)\.txt$")
_RELEASE_NUMBER = re.compile(r"\d+(\.\d+)+")


def _missing_constraint(case: Case) -> Iterator[Finding]:
    if not case.packages or case.constraints or (case.scanned and case.release.constraints_injected):
        return
    hint = f"name them to get the same versions everywhere: {case.official_option}"
    if case.is_injected:
        what = f"no constraints are named, so MWAA adds those of {case.airflow}"
        why = "MWAA does so since 2.7.2 for a file in which it finds neither `-c ` nor `--constraint `."
        yield Finding("missing-constraint", NOTE, case.path, 0, what, why, hint)
        return
    what = f"no constraints are named, and for {case.airflow} MWAA adds none"
    why = "pip may choose versions that Airflow was never tested with, and different ones at each container start."
    yield Finding("missing-constraint", WARNING, case.path, 0, what, why, hint)


def _constraint_opt_out(case: Case) -> Iterator[Finding]:
    if case.packages and case.scanned and not case.constraints and case.release.constraints_injected:
        yield Finding(
            "constraint-opt-out",
            WARNING,
            case.scanned[0].path,
            case.scanned[0].number,
            f"this line keeps MWAA from adding the constraints of {case.airflow}",
            "MWAA looks for `-c ` or `--constraint ` in the text of each line, comments included. It finds that here, "
            "where pip finds no constraints: only MWAA's essential pins hold.",
            f"remove that text, or name constraints: {case.official_option}",
        )


def _constraint_overlooked(case: Case) -> Iterator[Finding]:
    for line, url in case.constraints if case.is_injected else ():
        if url not in case.release.constraints_urls:
            yield at(
                line,
                "constraint-overlooked",
                WARNING,
                f"MWAA overlooks these constraints, and adds those of {case.airflow} to them",
                "It looks for `-c ` or `--constraint ` with a blank, in the requirements file itself alone. Where the "
                "two differ about a package, pip refuses the whole file.",
                "write `--constraint`, a blank and the address, in the requirements file itself",
            )


def _other_release_constraints(case: Case) -> Iterator[Finding]:
    for line, match in _official(case):
        if match["airflow"] != case.release.airflow_version:
            is_release = _RELEASE_NUMBER.fullmatch(match["airflow"]) is not None
            named = f"Airflow {match['airflow']}" if is_release else f"`{match['airflow']}`, which change"
            yield at(
                line,
                "other-release-constraints",
                WARNING,
                f"the constraints are those of {named}, the environment has {case.airflow}",
                "They hold packages at versions that this Airflow was not tested with, and may contradict the pins "
                "that MWAA always adds.",
                case.official_option,
            )


def _other_python_constraints(case: Case) -> Iterator[Finding]:
    for line, match in _official(case):
        if match["python"] != case.release.python_version:
            yield at(
                line,
                "other-python-constraints",
                WARNING,
                f"the constraints are for Python {match['python']}, MWAA runs {case.airflow} on Python "
                f"{case.release.python_version}",
                "A version that is right for one Python can be without a wheel, or refuse to install, on another.",
                case.official_option,
            )


def _official(case: Case) -> Iterator[tuple[Line, re.Match[str]]]:
    """Yield lines that name constraints of the Airflow project."""
    for line, url in case.constraints:
        if match := _OFFICIAL.search(url):
            yield line, match


RULES = (
    Rule("missing-constraint", (NOTE, WARNING), "The file names no constraints.", _missing_constraint),
    Rule(
        "constraint-opt-out",
        (WARNING,),
        "Text that is not a constraint keeps MWAA from adding its own.",
        _constraint_opt_out,
    ),
    Rule(
        "constraint-overlooked",
        (WARNING,),
        "MWAA overlooks the file's constraints, and adds its own as well.",
        _constraint_overlooked,
    ),
    Rule(
        "other-release-constraints",
        (WARNING,),
        "The constraints are those of another Airflow version.",
        _other_release_constraints,
    ),
    Rule(
        "other-python-constraints",
        (WARNING,),
        "The constraints are those of another Python version.",
        _other_python_constraints,
    ),
)
