"""Results of a check, one of each kind, for tests of how they are shown."""

from __future__ import annotations

import json
from typing import Any

from mwaa_local.check.requirements.verdict import (
    Checked,
    Clash,
    Conflict,
    NoWheel,
    PackageChange,
    Proposal,
    SourceOnly,
    Unchecked,
    Verdict,
    Works,
)
from mwaa_local.finding import ERROR, WARNING, Finding

PATH = "requirements/requirements.txt"

ADDED = PackageChange("dbt-core", "1.9.1", "", False, (f"{PATH}:3",), 1_200_000)
UPGRADED = PackageChange("numpy", "2.1.0", "1.26.4", False, ("dbt-core", "a", "b", "c", "d"), 33_000_000)
DOWNGRADED = PackageChange("protobuf", "4.25.1", "5.29.0", True, (f"{PATH}:4",), None)
WORKS = Works((ADDED, UPGRADED), install_estimate_s=12.3)
PANDAS = Proposal(PATH, 4, "pandas==1.5.3", "pandas==2.2.3")
CLASH = Clash(
    PATH, 4, "pandas==1.5.3", "pandas==2.2.3", "the constraints of Airflow 2.10.3", "They hold pandas.", PANDAS
)
CONFLICT = Conflict((CLASH,), "because pandas")
NO_WHEEL = NoWheel((SourceOnly("duckdb", "1.0", "it needs cmake"),))
UNCHECKED = Unchecked("the index did not answer", "it timed out", "try again")
UNPINNED = Finding("unpinned", WARNING, PATH, 3, "`dbt-core` names no version", "It may change.", "pin it")
REFUSED = Finding("local-path", ERROR, PATH, 7, "`./mine` is not on MWAA")


def checked(verdict: Verdict = WORKS, *findings: Finding, airflow: str = "3.3.1", path: str = PATH) -> Checked:
    return Checked(path, airflow, "3.12", verdict, findings, 1.25)


def sarif_run(document: str) -> dict[str, Any]:
    """Return the one run, after a look at what SARIF 2.1.0 requires of the document."""
    log = json.loads(document)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert log["$schema"].startswith("https://")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "mwaa-local"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    assert {rule["defaultConfiguration"]["level"] for rule in driver["rules"]} <= {"error", "warning", "note"}
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"]
        assert location["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
    for invocation in run["invocations"]:
        assert isinstance(invocation["executionSuccessful"], bool)
        assert all(item["message"]["text"] for item in invocation["toolExecutionNotifications"])
    assert isinstance(run, dict)
    return run
