"""Which plugins an .airflowignore hides: what our reading of such files says, beside what Airflow's loader does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from mwaa_local.check.plugins.ignoring import IGNORE_FILE, IgnoreRules
from mwaa_local.release import Release
from tests.conftest import ProjectRunner
from tests.environments import EACH_GENERATION, LATEST

pytestmark = pytest.mark.network
MakeProject = Callable[..., ProjectRunner]
OLDEST = "1.10.12"
# Files that cannot be loaded, so that Airflow names those that it tries.
FILES = (
    "top.py",
    "draft_1.py",
    "tool-3.1/lib/transport.py",
    "tool-3.1/lib/kept.py",
    "a/b/c.py",
    "a/b/d.py",
    "a/x/b/e.py",
    "deep/er/and/deeper.py",
    "deep/f.py",
    "nested/own.py",
    "nested/hidden.py",
)
IGNORED = {
    "": "tool-3.1/lib/t*.py  # a comment\n\ndraft_?.py\n/a/b/\n**/deeper.py\n!nothing\n[invalid\ntop/\n",
    "nested": "*.py\n!own.py\n",
}
IGNORED_2 = {"": "tool-3\\.1/.*/transport\ndraft_[0-9]\n^a/b\n", "nested": "nested/hid\n"}


@pytest.mark.parametrize("version", [*EACH_GENERATION, pytest.param(OLDEST, marks=pytest.mark.full)])
def test_airflow_passes_over_what_our_rules_say(project: MakeProject, version: str) -> None:
    release = Release.load(version)
    ignored = IGNORED if version == LATEST else IGNORED_2
    files = {f"plugins/{name}": f"raise ValueError({name!r})\n" for name in FILES}
    rules = {f"plugins/{folder}/{IGNORE_FILE}": text for folder, text in ignored.items()}
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/a.py": "", **files, **rules})
    outcome = runner.run("check", "plugins", "--json")
    found = {item["path"] for item in json.loads(outcome.stdout)["findings"] if item["rule"] == "plugin-not-loaded"}
    ours = IgnoreRules.of({PurePosixPath(folder).parts: text for folder, text in ignored.items()}, release)
    expected = {f"plugins/{name}" for name in FILES if not ours.ignores(PurePosixPath(name).parts)}
    assert found == expected
    assert len(expected) < len(FILES) or version == OLDEST
