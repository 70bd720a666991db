"""README and docs/ say what is: generated parts are current, links resolve, commands and options exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mwaa_local.check.dags.air import AIR_RULES
from mwaa_local.check.dags.rules import RULES as DAG_RULES
from mwaa_local.check.explained import of_imports, of_project
from mwaa_local.check.explained.all_rules import ALL_RULES, explained
from mwaa_local.check.explained.of_plugins import OF_PLUGINS
from mwaa_local.check.explained.of_requirements import OF_LINES, OF_RESOLUTION
from mwaa_local.check.explained.of_sources import RUFF_SUBJECTS
from mwaa_local.check.explained.of_upgrades import OF_UPGRADES
from mwaa_local.check.explained.text import RuleText
from mwaa_local.check.plugins import check as plugins
from mwaa_local.check.requirements import resolution, rules
from mwaa_local.configuration.layers import Layer
from mwaa_local.documentation import DIFFERENCE_OF, REPOSITORY_URL, difference_url
from mwaa_local.environment.local import LOCAL_MEMBERS
from mwaa_local.smoke.result import EXIT_CODES
from tests.conftest import difference_anchors
from tests.unit.documents import (
    ANCHOR,
    CI_DIR,
    DIFFERENCES_PATH,
    GUIDE_PATH,
    LINK,
    README_PATH,
    ROOT_DIR,
    anchors,
    every_document,
    name_of,
    rows,
    section,
    spans,
    without_fences,
)
from tools import build_cli_reference as reference

MERGE_MARK = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)


@every_document
def test_relative_links_resolve(path: Path) -> None:
    broken = []
    for link in LINK.finditer(without_fences(path.read_text(encoding="utf-8"))):
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            continue
        file_name, _, anchor = target.partition("#")
        linked = (path.parent / file_name).resolve() if file_name else path
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert broken == []


@every_document
def test_anchors_are_unique(path: Path) -> None:
    found = anchors(path)
    assert sorted(found) == sorted(set(found))


def test_no_document_has_what_a_merge_left_undone() -> None:
    folders = [ROOT_DIR / name for name in ("docs", "docker", "tests", "tools")]
    paths = [*ROOT_DIR.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]
    assert ROOT_DIR / "tools" / "README.md" in paths
    assert [str(path) for path in paths if MERGE_MARK.search(path.read_text(encoding="utf-8"))] == []


def test_every_row_of_the_differences_has_one_short_anchor() -> None:
    text = DIFFERENCES_PATH.read_text(encoding="utf-8")
    by_hand = re.sub(f"{reference.BEGIN}.*?{reference.TABLE_END}", "", text, flags=re.DOTALL)
    rows = [line for line in by_hand.splitlines() if line.startswith("| ") and set(line) - set("|- ")]
    rows = [row for row in rows if not row.startswith(("| | on MWAA", "| | known"))]
    assert rows
    for row in rows:
        ids = ANCHOR.findall(row)
        assert len(ids) == 1, row
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", ids[0]), row
        assert len(ids[0]) <= 40, row


def test_places_in_code_and_tests_that_point_into_the_differences_exist() -> None:
    known = anchors(DIFFERENCES_PATH)
    sources = [path for folder in ("mwaa_local", "tests", "tools") for path in (ROOT_DIR / folder).rglob("*.py")]
    pointed = {
        (name_of(path), anchor)
        for path in sources
        for anchor in re.findall(r"differences\.md#([a-z0-9-]+)", path.read_text(encoding="utf-8"))
    }
    assert {place for place in pointed if place[1] not in known} == set()


# Tables that repeat what code or configuration says.


def test_guide_names_every_layer_in_order() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \| ", GUIDE_PATH.read_text(encoding="utf-8"), re.MULTILINE)
    assert [layer for layer in named if layer in set(Layer)] == list(Layer)


def test_guide_names_every_member_of_the_local_section() -> None:
    section = GUIDE_PATH.read_text(encoding="utf-8").split("## The Local section")[1].split("\n## ")[0]
    assert set(
        re.findall(r"`([A-Z]\w+)`", "".join(row.split("|")[1] for row in section.splitlines() if "|" in row))
    ) == {*LOCAL_MEMBERS}


def test_decision_on_dependencies_lists_each_one_with_its_pinned_version() -> None:
    pinned = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    text = (ROOT_DIR / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z][\w-]*) \| (\S+) \| ", text, re.MULTILINE)
    assert [f"{name}=={version}" for name, version in rows if name != "package"] == pinned


def test_decision_on_dependencies_names_what_the_extra_brings() -> None:
    extras = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    text = (ROOT_DIR / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    for requirement in extras["aws"]:
        name, version = requirement.split("==")
        assert f"`{name}` {version}" in text


@pytest.mark.parametrize("path", [GUIDE_PATH, CI_DIR / "README.md"], ids=name_of)
def test_exit_codes_of_smoke_are_those_of_the_program(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    table = section("Smoke runs") if path == GUIDE_PATH else text.split("## Exit codes")[1]
    codes = {int(code) for cells in rows(table) for code in re.findall(r"\d+", cells[0]) if len(cells) == 2}
    assert codes - {70} == {*EXIT_CODES.values(), 129, 143}


def test_license_is_the_one_that_the_package_declares() -> None:
    declared = tomllib.loads((ROOT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    assert declared == "Apache-2.0"
    first_lines = (ROOT_DIR / "LICENSE").read_text(encoding="utf-8").split()[:4]
    assert first_lines == ["Apache", "License", "Version", "2.0,"]


# The tables of rules.


def documented_rules(heading: str) -> dict[str, set[str]]:
    """Return rule -> severities of a table in the guide."""
    text = GUIDE_PATH.read_text(encoding="utf-8").split(f"\n### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return {cells[0].strip("`"): set(cells[1].split(", ")) for cells in rows(text) if cells[0] != "rule"}


@pytest.mark.parametrize(
    ("heading", "texts"), [("Rules on requirements", (*OF_RESOLUTION, *OF_LINES)), ("Rules on plugins", OF_PLUGINS)]
)
def test_guide_has_every_rule_with_its_severities(heading: str, texts: tuple[RuleText, ...]) -> None:
    assert documented_rules(heading) == {text.id: set(text.severities) for text in texts}


def test_rules_of_both_tables_in_the_code_are_in_the_guide() -> None:
    assert {*rules.RULES, *resolution.RULES} <= documented_rules("Rules on requirements").keys()


def test_docstring_of_the_plugins_check_names_the_rules_of_the_guide() -> None:
    named = re.findall(r"^\| (`[^|]+) \|", plugins.__doc__ or "", re.MULTILINE)
    assert {span for cell in named for span in spans(cell)} == documented_rules("Rules on plugins").keys()


# What every rule says of itself. That its findings have no other severities is held where they are made, by `conftest`.


def test_every_rule_that_the_code_names_is_explained_once() -> None:
    named = {*of_imports._IMPORTS, *of_imports._TASKS, *of_project._MEANINGS, *resolution.RULES, *rules.RULES}
    named |= {*(rule.id for rule in DAG_RULES), *(f"ruff-{code}" for code in AIR_RULES)}
    assert named <= ALL_RULES.keys()
    of_yaml = (*of_project.OF_ENVIRONMENT, *of_project.OF_STARTUP, *of_project.OF_SETTINGS)
    of_uploads = (*OF_RESOLUTION, *OF_LINES, *OF_PLUGINS, *OF_UPGRADES)
    every = [*of_imports.OF_IMPORTS, *of_imports.OF_TASKS, *of_yaml, *of_uploads]
    assert len(every) == len({text.id for text in every})


@pytest.mark.parametrize("rule", ALL_RULES.values(), ids=lambda rule: rule.id)
def test_explanation_says_what_why_and_what_to_do(rule: RuleText) -> None:
    text = explained(rule)
    assert text.startswith(f"{rule.id} (")
    assert rule.severities
    for part in (rule.meaning, rule.why):
        assert part in text
        assert len(part.split()) > 2
    assert rule.todo or rule.good  # a rule on sources shows the right file
    assert rule.why.endswith(".")


def test_every_difference_that_findings_point_to_is_there_and_of_a_rule_that_can_find_it() -> None:
    assert set(DIFFERENCE_OF.values()) <= difference_anchors()
    unknown = [(rule, severity) for rule, severity in DIFFERENCE_OF if severity not in ALL_RULES[rule].severities]
    assert unknown == []
    assert difference_url("broker") == f"{REPOSITORY_URL}/blob/main/docs/differences.md#broker"


def test_rules_page_has_every_rule_of_ruff_that_is_taken() -> None:
    assert RUFF_SUBJECTS.keys() == AIR_RULES.keys()


def test_changelog_counts_the_rules_on_sources() -> None:
    words = {12: "Twelve", 13: "Thirteen", 14: "Fourteen", 15: "Fifteen"}
    text = (ROOT_DIR / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"{words[len(DAG_RULES)]} rules on the source" in text


def test_rules_that_the_guide_and_the_readme_name_exist() -> None:
    for path in (GUIDE_PATH, README_PATH):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"ignore\[([a-z-]+)\]|check dags --explain ([a-z-]+)", text)
        assert {name for pair in named for name in pair if name} <= ALL_RULES.keys()
