"""A rehearsal in every format."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from mwaa_local.check.part import Part, not_checked
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.release import Release
from mwaa_local.upgrade import report
from mwaa_local.upgrade.defaults import ChangedDefault
from mwaa_local.upgrade.paths import move
from mwaa_local.upgrade.rehearsed import Rehearsed, worst_exit_code

SOURCE = Release.load("2.11.2")
BREAKS = Finding("dag-import-error", ERROR, "dags/a.py", 3, "it breaks", "because", "write b")
ALREADY = Finding("dag-import-error", ERROR, "dags/b.py", 1, "it is broken today")
DIFF = '--- mwaa.yaml\n+++ mwaa.yaml\n@@ -1 +1 @@\n-AirflowVersion: "2.11.2"\n+AirflowVersion: "3.3.1"\n'
DEFAULTS = (ChangedDefault("a.b", "1", "2"), ChangedDefault("a.new", None, "3"))


def rehearsed(version: str, *findings: Finding, on_the_way_to: str = "") -> Rehearsed:
    parts = (Part("path", summary="words"), Part("options", skipped="none are set"), Part("dags", findings, 1.5))
    way = move(SOURCE, Release.load(version))
    return Rehearsed(way, parts, (ALREADY,), DEFAULTS, DIFF, on_the_way_to)


def test_text_has_the_summary_first_then_parts_findings_and_the_diff() -> None:
    text = report.text([rehearsed("3.3.1", BREAKS)], whole_by="mwaa-local upgrade --to 3.3.1 --all")
    blocks = text.split("\n\n")
    assert blocks[0] == (
        "Airflow 2.11.2 → 3.3.1, Python 3.12 → 3.12\n  breaks:      dags (1 error)\n  fine:        path"
    )
    assert blocks[1].startswith("part     outcome")
    assert "dags/a.py:3: error[dag-import-error] it breaks" in text
    by = "without AirflowVersion, which `mwaa-local upgrade --to 3.3.1 --yes` writes"
    assert f"proposed changes, {by}:\n\n{DIFF.strip()}" in text
    assert "not from this move, but found today as well: 1 error" in text
    assert "dags/b.py" not in text
    assert "a.b" not in text
    assert blocks[-1] == report.NOTHING_CHANGED


def test_whole_text_lists_the_defaults_that_both_have() -> None:
    text = report.text([rehearsed("3.3.1")])
    assert "a.b     1        2" in text
    assert "a.new" not in text


def test_several_releases_give_one_table() -> None:
    notes = Finding("upgrade-python", NOTE, "mwaa.yaml", 0, "another Python")
    items = [
        rehearsed("3.0.6", BREAKS, notes),
        rehearsed("3.2.1", notes, Finding("option-moved", WARNING, "mwaa.yaml", 2, "is elsewhere")),
        rehearsed("3.3.1", not_checked("dags", "no packages", "", "")),
        rehearsed("2.11.2"),
    ]
    text = report.text(items, whole_by="mwaa-local upgrade --to 3.0.6,3.2.1,3.3.1,2.11.2 --all")
    assert text.split("\n\n")[0].splitlines() == [
        "airflow  path  options  dags",
        "3.0.6    ok    -        1 error",
        "3.2.1    ok    -        1 warning",
        "3.3.1    ok    -        not checked",
        "2.11.2   ok    -        ok",
    ]
    assert "proposed changes" not in text
    assert worst_exit_code(items) == 1
    assert worst_exit_code(items[1:]) == 3
    assert worst_exit_code([items[1], items[3]]) == 0


def test_a_way_of_two_hops_has_the_table_and_each_hop() -> None:
    text = report.text([rehearsed("3.0.6", on_the_way_to="3.3.1"), rehearsed("3.3.1", BREAKS)], whole_by="all")
    assert text.startswith("airflow")
    assert "Airflow 2.11.2 → 3.0.6, Python 3.12 → 3.12 (on the way to 3.3.1)" in text
    assert "proposed changes" in text


def test_json_has_every_key() -> None:
    plain = report.as_json([rehearsed("3.3.1", BREAKS)])
    assert json.loads(json.dumps(plain)) == plain
    assert plain["exit_code"] == 1
    [item] = plain["rehearsed"]
    assert (item["from"], item["to"], item["direction"], item["allowed"]) == ("2.11.2", "3.3.1", "upgrade", True)
    assert (item["route"], item["on_the_way_to"], item["diff"]) == (["2.11.2", "3.3.1"], "", DIFF)
    assert item["carried_out_by"] == "mwaa-local upgrade --to 3.3.1 --yes"
    assert [part["outcome"] for part in item["parts"]] == ["ok", "skipped", "fails"]
    assert [found["path"] for found in item["already"]] == ["dags/b.py"]
    assert item["defaults"][1] == {"option": "a.new", "before": None, "after": "3"}


def test_junit_has_a_suite_for_each_release_and_part() -> None:
    suites = ElementTree.fromstring(report.junit([rehearsed("3.2.1"), rehearsed("3.3.1", BREAKS)]))
    assert [suite.get("name") for suite in suites][-1] == "dags on Airflow 3.3.1"
    assert suites.get("failures") == "1"


def test_finding_of_several_releases_is_told_once_with_those_that_have_it() -> None:
    items = [rehearsed("3.0.6"), rehearsed("3.2.1", BREAKS), rehearsed("3.3.1", BREAKS)]
    [line] = report.github(items).splitlines()
    assert line.startswith("::error file=dags/a.py,line=3,title=dag-import-error::it breaks (Airflow 3.2.1, 3.3.1)%0A")
    [result] = json.loads(report.sarif(items))["runs"][0]["results"]
    assert result["properties"]["airflowVersions"] == ["3.2.1", "3.3.1"]
