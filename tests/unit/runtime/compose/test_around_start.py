"""Where a start of containers fails because of the startup script, that is what is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.errors import DockerUnavailable, MwaaLocalError, StartupScriptFailed
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.protocol import Prepared

PLAN = Plan((), "3.3.1", {}, "", "", "q", "/")


@dataclass(frozen=True)
class ScriptFailed(Prepared):
    """Finds that the startup script is the cause, if `error` says so."""

    error: MwaaLocalError | None = None
    asked: list[str] = field(default_factory=list)

    def set_up(self) -> None:
        self.asked.append("set up")

    def judge(self) -> tuple[Remark, ...]:
        self.asked.append("judge")
        if self.error is not None:
            raise self.error
        return ()

    def settle(self) -> None:
        self.asked.append("settle")


@pytest.mark.parametrize("cause", [StartupScriptFailed("it ended with 1"), None])
def test_cause_of_a_failure_replaces_what_it_looked_like(
    tmp_path: Path, clean_env: dict[str, str], cause: MwaaLocalError | None
) -> None:
    nowhere = {**clean_env, "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    prepared = ScriptFailed(PLAN, error=cause)
    with pytest.raises(StartupScriptFailed if cause else DockerUnavailable):
        ComposeRuntime(Project(tmp_path), nowhere).start(prepared, lambda _: None)
    assert prepared.asked == ["set up", "judge"]
