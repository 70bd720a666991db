"""Rules on constraints: which ones hold on MWAA, and whose they are.

Sources: MWAA user guide, "Installing Python dependencies" and "Managing Python dependencies in requirements.txt";
aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and `bin/airflow-user/safe-pip-install`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.rule import Case, Rule, at, quoted
from mwaa_local.finding import NOTE, WARNING, Finding
from mwaa_local.release import PinFile

MAX_NAMED = 5  # packages in one sentence
_OFFICIAL = re.compile(r"/constraints-(?P<airflow>[\w.-]+)/constraints(?:-[a-z-]+)?-(?P<python>\d+\.\d+)\.txt$")
OTHER_RELEASE, OTHER_PYTHON = "other-release-constraints", "other-python-constraints"  # rules
RELEASE_NUMBER = re.compile(r"\d+(\.\d+)+")


def _missing_constraint(case: Case) -> Iterator[Finding]:
    is_named = bool(case.constraints) and not case.holds_nothing
    if not case.packages or is_named or (case.scanned and case.release.constraints_injected):
        return
    hint = f"name them to get the same versions everywhere: {case.official_option}"
    if case.is_injected:
        what = f"no constraints are named, so MWAA adds those of {case.airflow}"
        why = "MWAA does so since 2.7.2 for a file in which it finds neither `-c ` nor `--constraint `."
        yield Finding("missing-constraint", NOTE, case.path, 0, what, why, hint)
        return
    named = "the constraints hold nothing" if case.holds_nothing else "no constraints are named"
    what = f"{named}, and for {case.airflow} MWAA adds none"
    why = "pip may choose versions that Airflow was never tested with, and different ones at each container start."
    yield Finding("missing-constraint", WARNING, case.path, 0, what, why, hint)


def _constraint_opt_out(case: Case) -> Iterator[Finding]:
    is_off = not case.constraints or case.holds_nothing
    if not (case.packages and case.scanned and is_off and case.release.constraints_injected):
        return
    scanned = case.scanned[0]
    found = (
        "names constraints that hold nothing" if case.holds_nothing else "is read as constraints by MWAA, not by pip"
    )
    held = "only MWAA's essential pins hold" if case.essential else "nothing holds the packages of the image"
    yield Finding(
        "constraint-opt-out",
        WARNING,
        scanned.path,
        scanned.number,
        f"MWAA adds no constraints of {case.airflow} because of this line",
        "MWAA looks for `-c ` or `--constraint ` in the text of each line, comments included, and adds its own if it "
        f"finds none. This line {found}: {held}.",
        f"remove that text, or name constraints: {case.official_option}",
    )


def _own_constraints(case: Case) -> Iterator[Finding]:
    own = {line.name for line in case.lines if line.is_constraint}
    if not own or case.has_unknown_constraints or case.is_injected or not case.packages:
        return
    if any(url in case.release.constraints_urls for _, url in case.constraints):
        return
    pins = PinFile(case.release.constraints_path)
    free = [name for name in sorted(case.base) if name in pins and name not in own and name not in case.essential]
    if free:
        line = case.constraints[0][0]
        more = f" and {len(free) - MAX_NAMED} more" if len(free) > MAX_NAMED else ""
        yield at(
            line,
            "own-constraints",
            NOTE,
            f"{quoted(line)} takes the place of the constraints of {case.airflow}",
            f"Of the packages in MWAA's image, those hold {', '.join(free[:MAX_NAMED])}{more}, and yours do not: pip "
            "may change them.",
            "if that is not what you want, add these pins to your constraints",
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
    for line, match in official_constraints(case):
        if match["airflow"] != case.release.airflow_version:
            is_release = RELEASE_NUMBER.fullmatch(match["airflow"]) is not None
            named = f"Airflow {match['airflow']}" if is_release else f"`{match['airflow']}`, which change"
            yield at(
                line,
                OTHER_RELEASE,
                WARNING,
                f"the constraints are those of {named}, the environment has {case.airflow}",
                "They hold packages at versions that this Airflow was not tested with, and may contradict the pins "
                "that MWAA always adds.",
                case.official_option,
            )


def _other_python_constraints(case: Case) -> Iterator[Finding]:
    for line, match in official_constraints(case):
        if match["python"] != case.release.python_version:
            yield at(
                line,
                OTHER_PYTHON,
                WARNING,
                f"the constraints are for Python {match['python']}, MWAA runs {case.airflow} on Python "
                f"{case.release.python_version}",
                "A version that is right for one Python can be without a wheel, or refuse to install, on another.",
                case.official_option,
            )


def official_constraints(case: Case) -> Iterator[tuple[Line, re.Match[str]]]:
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
        "own-constraints",
        (NOTE,),
        "Constraints of the project's own leave packages free that Airflow's hold.",
        _own_constraints,
    ),
    Rule(
        "constraint-overlooked",
        (WARNING,),
        "MWAA overlooks the file's constraints, and adds its own as well.",
        _constraint_overlooked,
    ),
    Rule(
        OTHER_RELEASE,
        (WARNING,),
        "The constraints are those of another Airflow version.",
        _other_release_constraints,
    ),
    Rule(
        OTHER_PYTHON,
        (WARNING,),
        "The constraints are those of another Python version.",
        _other_python_constraints,
    ),
)
