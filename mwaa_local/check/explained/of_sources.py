"""Rules on the source of DAG files: our own, which explain themselves, and ruff's. Data."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.check.dags.air import AIR_RULES, AirRule
from mwaa_local.check.dags.duplicates import RUFF_PREFIX
from mwaa_local.check.dags.rule import DagRule
from mwaa_local.check.dags.rules import RULES
from mwaa_local.check.explained.text import RuleText
from mwaa_local.finding import SEVERITIES, WARNING

# What ruff's rules are about, in our own words: ruff's names are not for people.
RUFF_SUBJECTS: Mapping[str, str] = {
    "AIR002": "a DAG has no schedule",
    "AIR301": "a name or an argument that Airflow 3 removed",
    "AIR302": "a name that Airflow 3 moved into a provider",
    "AIR303": "a function is called with arguments that changed in Airflow 3",
    "AIR304": "a DAG or task gets a value that changes at each load",
    "AIR311": "a name or an argument that Airflow 3 still takes, under a new one",
    "AIR312": "a name that moved into a provider, and that Airflow 3 still finds",
    "AIR321": "a name that Airflow 3.1 moved",
}
_RUFF_TODO = "Do what the hint of the finding says; https://docs.astral.sh/ruff/rules/#airflow-air has examples."


def _own(rule: DagRule) -> RuleText:
    severities = SEVERITIES[SEVERITIES.index(rule.severity) :]
    return RuleText(rule.id, severities, rule.meaning, rule.why, "", rule.bad, rule.good)


def _of_ruff(code: str, rule: AirRule) -> RuleText:
    # Whether this release has the name can make a warning of a note.
    found = tuple(item for item in SEVERITIES if item in (rule.severity, rule.severity_before, WARNING))
    return RuleText(f"{RUFF_PREFIX}{code}", found, RUFF_SUBJECTS[code], rule.why, _RUFF_TODO)


OF_SOURCES = tuple(_own(rule) for rule in RULES)
OF_RUFF = tuple(_of_ruff(code, rule) for code, rule in AIR_RULES.items())
