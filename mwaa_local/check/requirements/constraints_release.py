"""Whether the Airflow whose constraints a file names was ever released: the address of another one does not exist.

The index knows; the rules, which ask nobody, only know MWAA's own releases.
"""

from __future__ import annotations

from collections.abc import Iterator

from mwaa_local.check.requirements.resolver import Question, Refused, Resolver
from mwaa_local.check.requirements.rule import Case
from mwaa_local.check.requirements.rules_constraints import RELEASE_NUMBER, official_constraints
from mwaa_local.check.requirements.source import Source
from mwaa_local.check.requirements.verdict import Clash
from mwaa_local.release import Release

OFFICIAL_ADDRESS = "https://raw.githubusercontent.com/apache/airflow/"


def constraints_of_no_release(source: Source, resolver: Resolver) -> Iterator[Clash]:
    """Yield the lines that name constraints of an Airflow that does not exist; pip cannot fetch them."""
    case = Case(source.entries, resolver.release, private_webserver=False)
    for line, match in official_constraints(case):
        version = match["airflow"]
        if not match.string.startswith(OFFICIAL_ADDRESS) or line.local_paths:
            continue  # another server may have constraints by names of its own
        if RELEASE_NUMBER.fullmatch(version) and not _was_released(version, resolver):
            why = f"There is no Airflow {version}, so these constraints do not exist. pip installs nothing."
            yield Clash(line.path, line.number, line.text, "", "", why, hint=f"write {case.official_option}")


def _was_released(version: str, resolver: Resolver) -> bool:
    """Ask the index; where it does not answer, the release may well exist."""
    if version in Release.versions():
        return True
    path = resolver.path("release.txt")
    path.write_text(f"apache-airflow=={version}\n", encoding="utf-8")
    answer = resolver.of_usual_index().resolve(Question([path], with_dependencies=False))
    return not (isinstance(answer, Refused) and answer.reasons.is_for_want_of_a_version)
