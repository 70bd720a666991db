"""What is kept of an install of requirements, and what is said of it at this start and at later ones."""

from __future__ import annotations

from pathlib import Path

from mwaa_local.requirements.install import Installed, InstallFailed
from mwaa_local.runtime.installed import MARK_NAME, Outcome, outcome_remarks

LOG = Path("/x/pip.log")
LACKS = "mysqlclient could not be built: this machine has no mysql_config, but MWAA's image has MariaDB-devel"


def failed(reason: str, *, is_of_machine: bool, is_unreached: bool = False) -> Outcome:
    return Outcome.of(InstallFailed(1, False, 1.0, LOG, reason, is_of_machine, is_unreached))


def test_outcome_comes_back_at_the_next_start(tmp_path: Path) -> None:
    unreached = failed("no index", is_of_machine=True, is_unreached=True)
    for outcome in (
        failed(LACKS, is_of_machine=True),
        unreached,
        Outcome.of(Installed(1.0, LOG, ("a requires b",))),
        Outcome(),
    ):
        outcome.write(tmp_path)
        assert Outcome.read(tmp_path) == outcome


def test_outcome_of_an_older_version_is_understood(tmp_path: Path) -> None:
    (tmp_path / MARK_NAME).write_text('{"failed": "no", "warnings": []}')
    assert Outcome.read(tmp_path) == Outcome("no")
    (tmp_path / MARK_NAME).write_text("[]")
    assert Outcome.read(tmp_path) is None


def test_what_this_machine_lacks_is_not_said_of_mwaa() -> None:
    [remark] = outcome_remarks(failed(LACKS, is_of_machine=True), LOG)
    assert remark.what == "requirements/requirements.txt was not installed on this machine"
    assert remark.why.startswith(f"{LACKS}.\n")
    assert "MWAA does the same" not in remark.why
    assert "SystemPackages" in remark.hint


def test_index_that_only_mwaa_may_reach_is_a_matter_of_the_network() -> None:
    [remark] = outcome_remarks(failed("the index could not be reached", is_of_machine=True, is_unreached=True), LOG)
    assert remark.what == "requirements/requirements.txt was not installed on this machine"
    assert remark.hint.startswith("check the network; PIP_INDEX_URL names another package index")


def test_other_failures_are_mwaas_too() -> None:
    [remark] = outcome_remarks(failed("No matching distribution", is_of_machine=False), LOG)
    assert "MWAA does the same" in remark.why
