"""The tiers of the tests: what a run takes, leaves out and records. Small runs of pytest show it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import REPOSITORY_DIR
from tests.environments import wait_until
from tests.gate.lanes import UNKNOWN_SECONDS, recorded_seconds, share_of
from tests.gate.report import FULL_FROM_S, read, report, save
from tests.gate.times import FixtureTime, TestTime

CONFTEST = """
import pytest
from tests.gate import plugin

def pytest_addoption(parser):
    plugin.add_options(parser)

def pytest_configure(config):
    config.addinivalue_line("markers", "full: slow")
    config.addinivalue_line("markers", "docker: engine")
    config.addinivalue_line("markers", "disturbs: last")
    plugin.configure(config)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    plugin.arrange(config, items)

def pytest_terminal_summary(terminalreporter, config):
    plugin.say_what_is_full(terminalreporter, config)

@pytest.fixture(scope="session")
def started_processes():
    return []

@pytest.fixture(scope="module")
def outer(request):
    return request.getfixturevalue("inner")

@pytest.fixture(scope="module")
def inner():
    import time
    time.sleep(0.3)
"""
FILES = {
    "conftest.py": CONFTEST,
    "test_0.py": "import pytest\npytestmark = pytest.mark.disturbs\n"
    "def test_disturbs(started_processes): pass\ndef test_beside(): pass\n",
    "test_a.py": "import os\ndef test_first(started_processes): started_processes.append(os.getpid())\n",
    "test_b.py": "import pytest\n@pytest.mark.full\ndef test_slow(outer): pass\ndef test_quick(): pass\n",
    "test_c.py": "import pytest\npytestmark = pytest.mark.full\n"
    "@pytest.mark.docker\ndef test_in(): pass\ndef test_out(): pass\n",
    "test_d.py": "import os\ndef test_same(started_processes): assert started_processes in ([], [os.getpid()])\n"
    "def test_other_fixture(): pass\n",
}
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib")
ENV = {"PYTHONPATH": str(REPOSITORY_DIR), "PATH": "/usr/bin:/bin"}
HANG_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiers")
    for name, text in FILES.items():
        (made / name).write_text(text)
    return made


def run(folder: Path, *words: str) -> tuple[list[str], str]:
    """Run pytest in the folder; return the names of the tests that ran, and the whole output."""
    done = subprocess.run(
        [*PYTEST, "-v", *words],
        cwd=folder,
        env=ENV,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 4), done.stdout + done.stderr
    ran = [line.split("::")[1].split()[0] for line in done.stdout.splitlines() if " PASSED" in line]
    return ran, done.stdout + done.stderr


@dataclass(frozen=True)
class Whole:
    """A run of all of them in two processes."""

    ran: list[str]
    output: str
    times_path: Path


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    path = tmp_path_factory.mktemp("times") / "times.jsonl"
    return Whole(*run(folder, "-n", "2", "--times", str(path)), path)


def test_what_is_left_out_is_said(folder: Path) -> None:
    ran, output = run(folder, "-m", "not full")
    assert ran.index("test_disturbs") > ran.index("test_same")  # in one process, too
    assert sorted(ran) == [
        "test_beside",
        "test_disturbs",
        "test_first",
        "test_other_fixture",
        "test_quick",
        "test_same",
    ]
    assert "left out: 3 tests of the full tier, run by `make test-full`" in output
    assert "    2  test_c.py" in output


def test_full_run_says_what_the_quick_one_leaves_out(whole: Whole) -> None:
    assert "9 passed" in whole.output
    assert "3 tests of the full tier, which `make test` leaves out" in whole.output


def test_shares_are_all_of_the_full_tier_and_nothing_twice(folder: Path) -> None:
    shares = [run(folder, "--share", f"{number}/3")[0] for number in (1, 2, 3)]
    assert sorted(name for names in shares for name in names) == ["test_in", "test_out", "test_slow"]
    assert all(len(names) == 1 for names in shares)  # test_c.py has a part with containers and one without


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "x"])
def test_share_that_does_not_exist_is_refused(folder: Path, wrong: str) -> None:
    ran, output = run(folder, "--share", wrong)
    assert (ran, f"{wrong!r} is not like 2/6" in output) == ([], True)


def test_tests_that_share_an_environment_stay_in_one_process(whole: Whole) -> None:
    """Also those of the same file that do not ask for it: their module's fixtures may."""
    process_of = {name: process for process, name in re.findall(r"\[(gw\d)\] .* PASSED \S+::(\w+)", whole.output)}
    assert process_of.keys() == {name for text in FILES.values() for name in re.findall(r"def (test_\w+)", text)}
    shared = ("test_first", "test_same", "test_other_fixture", "test_disturbs")
    assert len({process_of[name] for name in shared}) == 1
    assert process_of["test_slow"] == process_of["test_quick"]


def test_what_disturbs_a_shared_environment_comes_after_the_others(whole: Whole) -> None:
    shared = ["test_first", "test_same", "test_other_fixture", "test_disturbs", "test_beside"]
    assert [name for name in whole.ran if name in shared] == shared


def test_tests_that_a_file_takes_from_another_stay_with_its_own(tmp_path: Path) -> None:
    """Its last test may end what the file's fixture started."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_lender.py").write_text("def test_lent(): pass\n")
    borrower = (
        "import pathlib, sys\nsys.path.append(str(pathlib.Path(__file__).parent))\n"
        "from test_lender import test_lent\ndef test_own(): pass\ndef test_last(): pass\n"
    )
    (tmp_path / "test_borrower.py").write_text(borrower)
    times_path = tmp_path / "times.jsonl"
    run(tmp_path, "--times", str(times_path))
    parts = {(row.test, row.part) for row in read([times_path]) if isinstance(row, TestTime)}
    own = {(f"test_borrower.py::{name}", "test_borrower.py") for name in ("test_lent", "test_own", "test_last")}
    assert parts == own | {("test_lender.py::test_lent", "test_lender.py")}


def test_run_that_is_killed_leaves_no_file_of_ours(tmp_path: Path) -> None:
    begun, folder, temporary_dir = tmp_path / "begun", tmp_path / "tests", tmp_path / "tmp"
    for made in (folder, temporary_dir):
        made.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    hanging = f"import pathlib, time\ndef test_hangs(): pathlib.Path({str(begun)!r}).touch(); time.sleep({HANG_S})\n"
    (folder / "test_hangs.py").write_text(hanging)
    env = {**ENV, "TMPDIR": str(temporary_dir)}
    with subprocess.Popen(
        [*PYTEST, "-n", "2"], cwd=folder, env=env, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        wait_until(begun.exists, HANG_S, "a test runs")
        os.killpg(process.pid, signal.SIGKILL)
    assert [path.name for path in temporary_dir.iterdir() if not path.name.startswith("pytest-of-")] == []


def test_durations_are_recorded_by_test_and_fixture(whole: Whole) -> None:
    rows = list(read([whole.times_path]))
    tests = [row for row in rows if isinstance(row, TestTime)]
    assert {row.test for row in tests if row.full} == {
        "test_b.py::test_slow",
        "test_c.py::test_in",
        "test_c.py::test_out",
    }
    assert {row.phase for row in tests} == {"setup", "call", "teardown"}
    fixtures = {row.fixture: row.seconds for row in rows if isinstance(row, FixtureTime)}
    assert fixtures["inner"] >= 0.3
    assert fixtures["outer"] < 0.3  # without those that it asked for
    assert all(row.own_seconds < 0.3 for row in tests if row.phase == "setup"), "it is shared"


def test_report_lists_what_is_too_slow_for_the_quick_tier() -> None:
    rows: list[TestTime | FixtureTime] = [
        TestTime("a.py::test_late", "a.py", "setup", FULL_FROM_S, "passed", full=False),
        TestTime("a.py::test_late", "a.py", "call", 1.0, "passed", full=False),
        TestTime("b.py::test_full", "b.py", "call", FULL_FROM_S + 1, "passed", full=True),
        TestTime("c.py::test_first", "c.py", "setup", FULL_FROM_S + 9, "passed", full=False, shared=FULL_FROM_S),
        FixtureTime("running", "module", "a.py", FULL_FROM_S),
    ]
    text = "\n".join(report(rows))
    assert "over 60 s without the marker `full`: 1\n    61.0 s  a.py::test_late" in text
    assert "60.0 s  running (module, a.py)" in text


def test_saved_seconds_keep_those_of_parts_that_did_not_run(tmp_path: Path) -> None:
    ran, other, gone = "tests/unit/test_gate.py", "tests/unit/test_docs.py[docker]", "tests/unit/test_no_more.py"
    path = tmp_path / "seconds.json"
    path.write_text(json.dumps({ran: 1.0, other: 3.0, gone: 4.0}))
    save([TestTime("a.py::t", ran, "call", 2.0, "passed", full=False)], path)
    assert json.loads(path.read_text()) == {ran: 2.0, other: 3.0}


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 100), min_size=1), st.integers(1, 8))
def test_every_part_is_in_exactly_one_share(seconds: dict[str, float], count: int) -> None:
    shares = [share_of(seconds, number, count, seconds) for number in range(1, count + 1)]
    assert sorted(part for share in shares for part in share) == sorted(seconds)
    totals = [sum(seconds[part] for part in share) for share in shares]
    assert max(totals) - min(totals) <= max(seconds.values()) + 1e-6


def test_recorded_seconds_are_of_files_that_exist() -> None:
    assert all((REPOSITORY_DIR / part.partition("[")[0]).is_file() for part in recorded_seconds())
    assert UNKNOWN_SECONDS > 0
