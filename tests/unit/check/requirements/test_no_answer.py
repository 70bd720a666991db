"""What is said if uv has no answer: its time was over, or an address could not be reached. With real uv."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.resolver import Resolver
from mwaa_local.check.requirements.verdict import Unchecked
from mwaa_local.project import Project
from mwaa_local.release import Release


def verdict(tmp_path: Path, text: str) -> Unchecked:
    path = tmp_path / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text(text)
    found = RequirementsCheck(Project(tmp_path), path, {"HOME": "/tmp", "UV_HTTP_RETRIES": "0"}, {}).check(
        Release.load("2.8.1")
    )
    assert isinstance(found.verdict, Unchecked)
    return found.verdict


def test_search_that_takes_too_long_is_no_fault_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Resolver.__init__

    def hurried(self: Resolver, *args: object) -> None:
        whole(self, *args)  # type: ignore[arg-type]
        self._timeout_s = 0.001

    monkeypatch.setattr(Resolver, "__init__", hurried)
    found = verdict(tmp_path, "kubernetes\nawscli==1.32.0\n")
    assert found.what == "finding versions that fit takes too long"
    assert "pip on MWAA goes through them too, and is stopped after 540 s" in found.why
    assert found.hint == "pin exact versions in the file: nothing holds kubernetes"


def test_index_that_nobody_reaches_is_one(tmp_path: Path) -> None:
    found = verdict(tmp_path, "--index-url http://127.0.0.1:9/simple\nkubernetes\n")
    assert found.what == "the package index, or another address, could not be reached"
    assert found.hint.startswith("check the network")
