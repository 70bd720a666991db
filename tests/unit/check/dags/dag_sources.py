"""What tests of the rules share: the corpus, releases, and the findings in a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mwaa_local.check.dags.rule import findings
from mwaa_local.check.dags.rules import RULES
from mwaa_local.check.dags.source import Source
from mwaa_local.finding import Finding
from mwaa_local.release import Release
from tests.environments import LATEST

CORPUS = tuple(sorted((Path(__file__).parents[3] / "corpus" / "dags").glob("*.py")))
OLD, OLDEST = "2.10.3", "1.10.12"
RULES_DIR = Path(__file__).parents[4] / "mwaa_local" / "check" / "dags" / "rules"
BY_ID = {rule.id: rule for rule in RULES}


def parsed(text: str, version: str = LATEST, path: str = "dags/a.py") -> Source:
    source = Source.parse(text.encode(), path, Release.load(version))
    assert source is not None, text
    return source


def found(text: str, version: str = LATEST, path: str = "dags/a.py") -> tuple[Finding, ...]:
    return findings(parsed(text, version, path), RULES)


def rules_of(items: tuple[Finding, ...]) -> set[str]:
    return {item.rule for item in items}


FindAir = Callable[..., dict[str, Finding]]
