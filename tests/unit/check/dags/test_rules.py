"""What the rules find in DAG files, compared with a corpus and with their own examples.

Sources: MWAA user guide; aws/amazon-mwaa-docker-images; Airflow itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.check.dags.air import air_findings
from mwaa_local.check.dags.rule import DagRule, findings
from mwaa_local.check.dags.rules import RULES
from mwaa_local.check.dags.source import Source
from mwaa_local.finding import SEVERITIES, Finding
from mwaa_local.release import Release
from tests.environments import LATEST
from tests.unit.check.dags.dag_sources import BY_ID, CORPUS, RULES_DIR, found, rules_of

EXPECT = "# expect: "


def test_rules_are_in_order_and_each_has_a_module_of_its_own() -> None:
    modules = sorted(path.stem for path in RULES_DIR.glob("*.py") if path.stem != "__init__")
    assert [rule.id for rule in RULES] == [name.replace("_", "-") for name in modules]
    assert [rule.id for rule in RULES] == sorted(BY_ID)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_bad_example_and_no_rule_finds_its_good_one(rule: DagRule, tmp_path: Path) -> None:
    assert rules_of(found(rule.bad)) == {rule.id}
    assert found(rule.good) == ()
    path = tmp_path / "good.py"
    path.write_text(rule.good)
    assert air_findings([path], tmp_path, Release.load(LATEST), {}) == ()
    assert rule.severity in SEVERITIES
    assert rule.meaning.endswith(".")
    assert rule.why.endswith(".")


def expected(text: str) -> set[tuple[int, str]]:
    """Return line and rule of each `# expect: rule, rule`; one that stands alone is of the line below."""
    lines = enumerate(text.splitlines(), 1)
    marked = (
        (number + line.strip().startswith("#"), line.split(EXPECT)[1]) for number, line in lines if EXPECT in line
    )
    return {(number, name.strip()) for number, names in marked for name in names.split(",")}


def corpus_findings(path: Path) -> tuple[Finding, ...]:
    release = re.search(r"^# release: (\S+)$", path.read_text(), re.MULTILINE)
    source = Source.read(path, f"dags/{path.name}", Release.load(release[1] if release else LATEST))
    assert source is not None
    return findings(source, RULES)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_corpus_has_the_findings_it_says_and_no_others(path: Path) -> None:
    assert {(item.line, item.rule) for item in corpus_findings(path)} == expected(path.read_text())


def test_corpus_is_large_and_half_of_it_is_without_fault() -> None:
    marked = [path for path in CORPUS if EXPECT in path.read_text()]
    assert len(marked) >= 35
    assert len(CORPUS) - len(marked) >= 25
    assert {name for path in marked for _, name in expected(path.read_text())} == set(BY_ID)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_findings_say_what_why_and_hint_in_a_severity_of_their_rule(path: Path) -> None:
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    for item in corpus_findings(path):
        assert item.what
        assert item.why.endswith(".")
        assert item.hint
        assert "\n" not in item.what + item.hint
        assert order[item.severity] >= order[BY_ID[item.rule].severity]


def test_secrets_are_never_shown() -> None:
    for path in CORPUS:
        if path.stem.startswith("secret_"):
            lines = path.read_text().splitlines()
            for item in corpus_findings(path):
                # Every text on that line that is long enough to be the secret, but the names of things.
                secrets = re.findall(r"[\"'](?:[^\"']*[:@/ ])?([A-Za-z0-9+/_.]{8,})[\"'@]", lines[item.line - 1])
                shown = " ".join((item.what, item.why, item.hint))
                assert not [text for text in secrets if re.search(r"\d", text) and text in shown]


def test_release_of_a_source_may_be_any(tmp_path: Path) -> None:
    """Rules ask a release for what differs; one that is newer than all known ones is no special case."""
    release = replace(Release.load(LATEST), airflow_version="3.9.0")
    for rule in RULES:
        source = Source.parse(rule.bad.encode(), "dags/a.py", release)
        assert source is not None
        assert rules_of(findings(source, RULES)) == {rule.id}
