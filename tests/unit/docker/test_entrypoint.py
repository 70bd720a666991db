"""The entry point and the startup script: real bash, and a real component in its place afterwards.

Where the release's Python matters, the tests run on the oldest one as well.
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from mwaa_local.configuration.merge import merge
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import StartupScriptFailed
from mwaa_local.plan import Component
from mwaa_local.release import Release
from mwaa_local.runtime.compose.startup_values import startup_values
from mwaa_local.startup.outcome import judge_outcome
from mwaa_local.startup.run import WRAPPER_PATH
from tests.container import (
    ENTRYPOINT_DIR,
    OLDEST_PYTHON,
    TIMEOUT_S,
    WOULD_NOT_START,
    Box,
    alive,
    find_oldest_python,
    one_line,
)
from tests.environments import wait_until
from tests.fakes import READY_LINE, EndsSlowly, MissesItsHelpersEnd
from tests.integration.test_startup import GOES_ON, KEPT
from tests.unit.runtime.compose.test_startup_values import CONTAINER, VALUES


@pytest.fixture(scope="module", params=[pytest.param("this Python", marks=pytest.mark.full), "the oldest Python"])
def python(request: pytest.FixtureRequest) -> str:
    if request.param == "this Python":
        return sys.executable
    found = find_oldest_python()
    if found is None:
        pytest.skip(f"no Python {OLDEST_PYTHON} on this machine")
    return found


@pytest.fixture
def box(tmp_path: Path, python: str) -> Box:
    return Box(tmp_path / "box", python, tmp_path / "no-packages")


# The startup script.


@pytest.mark.parametrize(("script", "exit_code"), KEPT.values(), ids=KEPT.keys())
def test_variables_exported_so_far_reach_the_component(box: Box, script: str, exit_code: int) -> None:
    completed = box.run_script(script)
    assert completed.returncode == 0, completed.stderr
    assert {name: box.result.get(name) for name in "AB"} == {"A": "1", "B": None}
    assert box.startup_json()["exit_code"] == exit_code


@pytest.mark.parametrize("script", GOES_ON.values(), ids=GOES_ON.keys())
def test_later_lines_still_run(box: Box, script: str) -> None:
    assert box.run_script(script).returncode == 0
    assert {name: box.result[name] for name in "AB"} == {"A": "1", "B": "2"}


FATAL = {
    "set -e": "export A=1\nset -e\nfalse\n",
    "set -u": "export A=1\nset -u\necho $NO_SUCH_VARIABLE\n",
    "exec": "export A=1\nexec true\n",
    "killed": "kill -KILL $$\n",
    "builtin exit": "export A=1\nbuiltin exit 0\n",
}


@pytest.mark.parametrize("script", FATAL.values(), ids=FATAL.keys())
def test_script_that_leaves_no_environment_stops_the_container(box: Box, script: str) -> None:
    completed = box.run_script("echo said\n" + script)
    assert completed.returncode == WOULD_NOT_START
    assert "before MWAA could read its variables" in one_line(completed)
    assert "said\n" in completed.stdout
    assert not (box.root / "result.json").exists()
    with pytest.raises(StartupScriptFailed):
        judge_outcome(box.outcome_dir, box.script_path, "worker", box.outcome_dir / "startup.log")


def test_time_out_stops_the_container_and_the_whole_group(box: Box) -> None:
    pid_path = box.root / "pid"
    script = f"export A=1\nsleep 600 & echo $! >{pid_path}\necho said\nwait\n"
    completed = box.run_script(script, timeout_s=0.5)
    assert completed.returncode == WOULD_NOT_START
    assert "still ran after 0.5 s" in one_line(completed)
    assert (box.outcome_dir / "startup.log").read_text() == "said\n"
    plain = box.startup_json()
    assert (plain["timed_out"], plain["exit_code"]) == (True, 124)
    assert plain["elapsed_s"] < 10
    wait_until(lambda: not alive(int(pid_path.read_text())), 5, "the end of what the script started")


def test_script_that_ignores_sigterm_is_killed(box: Box) -> None:
    started = time.monotonic()
    completed = box.run_script("trap '' TERM\nwhile :; do sleep 1; done\n", timeout_s=0.5)
    assert completed.returncode == WOULD_NOT_START
    assert 5 < time.monotonic() - started < 15


def test_outcome_is_what_the_launcher_judges(box: Box) -> None:
    began = time.time()
    box.run_script("echo one\nexport A=1\nonly_assigned=1\nfalse\nexit 3\n", view={"FROM_VIEW": "x"})
    outcome = judge_outcome(box.outcome_dir, box.script_path, "worker", box.outcome_dir / "startup.log")
    assert outcome is not None
    assert (outcome.exported, outcome.exit_code) == ({"A": "1"}, 3)
    assert (box.outcome_dir / "startup.log").read_text() == "one\n"
    plain = box.startup_json()
    assert plain["before"]["FROM_VIEW"] == "x" and plain["before"]["MWAA_LOCAL_SERVICE"] == "worker"
    assert began <= plain["started"] <= time.time()
    modes = {path.name: path.stat().st_mode & 0o777 for path in box.outcome_dir.iterdir()}
    assert [modes[name] for name in ("startup.json", "environment", "death", "startup.log")] == [0o600] * 4


def test_script_sees_the_view_and_the_component_does_not(box: Box) -> None:
    box.env["KEPT"] = "as it was"
    box.run_script('export SEEN="$ONLY $KEPT $PWD"\nunset KEPT\n', view={"ONLY": "view"})
    assert box.result["SEEN"] == f"view as it was {box.root / 'home'}"
    assert box.result["KEPT"] == "as it was"
    assert "ONLY" not in box.result


def test_no_text_and_multiple_lines_survive(box: Box) -> None:
    box.run_script("export RAW=$'\\xff' LINES_='a=b\nc'\nf() { :; }\nexport -f f\n")
    assert os.fsencode(box.result["RAW"]) == b"\xff"
    assert box.result["LINES_"] == "a=b\nc"
    assert "BASH_FUNC_f%%" in box.result


def test_without_a_script_old_outcomes_go_and_nothing_is_merged(box: Box) -> None:
    box.run_script("export A=1\n")
    box.script_path.unlink()
    completed = box.run("run", "env")
    assert completed.returncode == 0
    assert "A=1" not in completed.stdout.splitlines()
    assert "SEEN_BY_SCRIPT_ONLY" not in completed.stdout
    assert not (box.outcome_dir / "startup.json").exists()


def test_release_without_startup_scripts_runs_none(box: Box) -> None:
    assert box.run_script("echo ran\nexport A=1\n", startup_script=False).stdout == ""
    assert "A" not in box.result


def test_program_left_in_the_background_lives_on_and_may_write(box: Box) -> None:
    mark = box.root / "alive"
    script = f"(while [[ ! -e {mark}.go ]]; do sleep 0.05; done; echo late; echo later; touch {mark}) &\nexport A=1\n"
    box.describe()
    box.script_path.write_text(script)
    process = box.begin("run", "bash", "-c", f"touch {mark}.go; while [[ ! -e {mark} ]]; do sleep 0.05; done; echo $A")
    stdout, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert stdout.splitlines()[-3:] in (["late", "later", "1"], ["late", "1", "later"])
    assert "late" not in (box.outcome_dir / "startup.log").read_text()


def test_replicas_leave_the_files_of_one_of_them(box: Box) -> None:
    box.describe()
    box.script_path.write_text('echo "$REPLICA"\nexport FOUND=$REPLICA\n')
    replicas = [box.begin("run", "true", env={"REPLICA": str(number)}) for number in range(8)]
    for process in replicas:
        assert process.wait(TIMEOUT_S) == 0
        process.communicate()
    number = box.startup_json()["before"]["REPLICA"]
    assert (box.outcome_dir / "startup.log").read_text() == f"{number}\n"
    outcome = judge_outcome(box.outcome_dir, box.script_path, "worker", box.outcome_dir / "startup.log")
    assert outcome is not None and outcome.exported == {"FOUND": number}
    assert {path.name for path in box.outcome_dir.iterdir()} == {
        ".lock",
        "death",
        "environment",
        "failures",
        "startup.json",
        "startup.log",
    }


def test_whole_way_gives_what_merge_gives(box: Box) -> None:
    release = Release.load("2.10.3")
    environment = Environment(airflow_configuration_options={"core.parallelism": "7", "made.up": "{braces}"})
    case = {"component": "worker", "container": CONTAINER}
    script = """
        export OWN='${HOME} {database_url}' AIRFLOW__CORE__PARALLELISM=9 AIRFLOW__CORE__EXECUTOR=LocalExecutor
        export AIRFLOW__MADE__UP=9 PYTHONPATH=/mine MWAA__CORE__AUTH_TYPE=mine AIRFLOW__SCHEDULER__MAX_THREADS=3
        export AIRFLOW__CELERY__EXTRA_CELERY_CONFIG='{"task_acks_late": true, "task_queues": []}'
    """
    merged = merge(release, environment, VALUES, **case).as_env()  # type: ignore[arg-type]
    box.env |= merged
    values = startup_values(release, environment, VALUES, **case)  # type: ignore[arg-type]
    assert box.run_script(script, **values).returncode == 0
    outcome = judge_outcome(box.outcome_dir, box.script_path, "worker", box.outcome_dir / "startup.log")
    assert outcome is not None and len(outcome.exported) == 8
    expected = merge(
        release, environment, VALUES, component="worker", container=CONTAINER, startup_exports=outcome.exported
    ).as_env()
    differing = {name for name in {*expected, *merged} if expected.get(name) != merged.get(name)}
    assert {"OWN", "MWAA_LOCAL_CELERY_CONFIG"} <= differing
    assert {name: box.result.get(name) for name in expected} == expected


# What a user can cause.


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_script_is_reported(box: Box) -> None:
    box.describe()
    box.script_path.write_text("true\n")
    box.script_path.chmod(0)
    completed = box.run("run", "true")
    assert completed.returncode == WOULD_NOT_START
    assert "cannot be read" in one_line(completed)


def test_script_behind_a_loop_of_links_is_reported(box: Box) -> None:
    box.describe()
    box.script_path.symlink_to(box.script_path)
    completed = box.run("run", "true")
    assert completed.returncode == WOULD_NOT_START
    assert "the startup script cannot be read" in one_line(completed)


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot be read"), ("{", "is damaged"), ("[]", "is damaged"), ('{"view": {}}', "it lacks startup_script")],
)
def test_description_that_is_no_good_names_the_command(box: Box, text: str | None, said: str) -> None:
    if text is not None:
        (box.root / "run" / "worker.json").write_text(text)
    completed = box.run("run", "true")
    assert completed.returncode == 1
    assert said in one_line(completed)
    assert "run `mwaa-local env`" in completed.stderr


def test_missing_wrapper_is_reported(box: Box) -> None:
    (box.root / "run" / WRAPPER_PATH.name).unlink()
    assert "mwaa-local env" in one_line(box.run_script("true\n"))


def test_container_without_a_name_is_reported(box: Box) -> None:
    del box.env["MWAA_LOCAL_SERVICE"]
    assert "MWAA_LOCAL_SERVICE is not set" in one_line(box.run("run", "true"))


@pytest.mark.parametrize("words", [(), ("run",), ("install", "x"), ("what",), ("health",), ("health", "nobody")])
def test_wrong_words_give_the_usage(box: Box, words: tuple[str, ...]) -> None:
    completed = box.run(*words)
    assert completed.returncode == 2
    assert "usage: " in one_line(completed)


def test_path_that_the_script_breaks_is_reported(box: Box) -> None:
    completed = box.run_script("export PATH=/nowhere\n")
    assert completed.returncode == 0  # an absolute path needs no PATH
    completed = box.run("run", "airflow", "version")
    assert completed.returncode == 127
    assert one_line(completed).endswith("cannot run airflow: No such file or directory (PATH is /nowhere)")


def test_outcomes_that_cannot_be_written_are_reported(box: Box) -> None:
    shutil.rmtree(box.root / "outcomes")
    (box.root / "outcomes").write_text("in the way")
    completed = box.run_script("true\n")
    assert completed.returncode == 1
    assert str(box.root / "outcomes") in one_line(completed)


# Programs beside the component.


def test_component_and_exec_are_found_on_the_path_of_the_merged_variables(box: Box) -> None:
    airflow = box.root / "bin" / "airflow"
    airflow.parent.mkdir()
    airflow.write_text('#!/bin/sh\necho "$0 $A $TERM $COLUMNS $*"\n')
    airflow.chmod(0o755)
    box.describe()
    box.script_path.write_text(f"export PATH={airflow.parent}:$PATH A=1 TERM=script COLUMNS=7\n")
    completed = box.run("run", "airflow", "celery", "worker")
    assert completed.stdout.splitlines()[-1] == f"{airflow} 1 script 7 celery worker"
    assert (box.root / "tmp" / "mwaa-environment.json").stat().st_mode & 0o777 == 0o600
    completed = box.run("exec", "airflow", "version", env={"TERM": "xterm", "A": "caller's"})
    assert completed.stdout == f"{airflow} 1 xterm 7 version\n"


def test_exec_before_the_component_has_its_variables_takes_the_containers(box: Box) -> None:
    assert box.run("exec", "bash", "-c", "echo $GIVEN", env={"GIVEN": "by Docker"}).stdout == "by Docker\n"


def test_exec_with_damaged_variables_is_reported(box: Box) -> None:
    (box.root / "tmp" / "mwaa-environment.json").write_text("{")
    completed = box.run("exec", "true")
    assert completed.returncode == 1
    assert "restart the container" in one_line(completed)


def test_new_start_forgets_the_variables_of_the_last_one(box: Box) -> None:
    assert box.run_script("export A=1\n").returncode == 0
    assert box.run_script("set -e\nfalse\n").returncode == WOULD_NOT_START
    assert not (box.root / "tmp" / "mwaa-environment.json").exists()


def test_component_does_not_ignore_the_signals_that_python_ignores(box: Box) -> None:
    box.describe(startup_script=False)
    ignored = box.run("run", "grep", "SigIgn", "/proc/self/status").stdout.split()[1]
    assert int(ignored, 16) & (1 << (signal.SIGPIPE - 1)) == 0


def test_component_is_not_stopped_by_a_signal_that_comes_before_its_handler(box: Box) -> None:
    """Airflow 2's web server sends SIGTTIN to gunicorn, and `init` has made a group of both."""
    box.describe(startup_script=False)
    program = "import os, signal; os.setpgid(0, 0); os.kill(0, signal.SIGTTIN); print('goes on')"
    assert box.run("run", sys.executable, "-c", program).stdout == "goes on\n"


def test_sigterm_stops_the_startup_script(box: Box) -> None:
    pid_path = box.root / "pid"
    box.describe()
    box.script_path.write_text(f"echo $$ >{pid_path}.part; mv {pid_path}.part {pid_path}\nsleep 600\n")
    process = box.begin("run", "true")
    wait_until(pid_path.exists, TIMEOUT_S, "the script runs")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert not alive(int(pid_path.read_text()))


def test_program_beside_is_started_anew_when_it_is_killed_and_ends_with_the_component(box: Box) -> None:
    pids = box.root / "pids"
    code = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a')); time.sleep(600)"

    def started() -> list[int]:
        return [int(word) for word in pids.read_text().split()] if pids.exists() else []

    box.describe(startup_script=False, beside=[[box.python, "-c", code, str(pids)]])
    component = box.begin("run", "sleep", "600")
    try:
        wait_until(lambda: len(started()) == 1, TIMEOUT_S, "the program beside runs")
        assert psutil.Process(component.pid).children() == []
        os.kill(started()[0], signal.SIGKILL)
        wait_until(lambda: len(started()) == 2, TIMEOUT_S, "it runs again")
        assert not alive(started()[0])
        keeper = psutil.Process(started()[1]).ppid()
        component.kill()
        component.wait(TIMEOUT_S)
        os.kill(started()[1], signal.SIGKILL)
        wait_until(lambda: not alive(keeper), TIMEOUT_S, "nobody starts it anew")
        assert len(started()) == 2
    finally:
        component.kill()
        for pid in filter(alive, started()):
            os.kill(pid, signal.SIGKILL)
        _, stderr = component.communicate(timeout=TIMEOUT_S)
    assert stderr.count("is started anew") == 1


# A component whose helpers are asked to end before it.

HELPERS_FIRST = {"MWAA_LOCAL_STOP": "helpers-first"}


def program_words(box: Box, component: Component) -> tuple[str, ...]:
    """Return the words with which the box's own interpreter runs a component of tests/fakes.py."""
    return (box.python, *component.argv[1:])


def stopped(box: Box, component: Component) -> tuple[int, list[str]]:
    """Run the component, ask its container to end once it is ready; return exit code and what it said."""
    box.describe(startup_script=False)
    process = box.begin("run", *program_words(box, component), env=HELPERS_FIRST)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == READY_LINE
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert stderr == ""
    return process.returncode, stdout.splitlines()


def test_leader_is_held_back_until_its_helpers_have_ended(box: Box) -> None:
    assert stopped(box, MissesItsHelpersEnd()) == (0, ["ended in order"])


def test_leader_without_helpers_is_asked_at_once(box: Box) -> None:
    assert stopped(box, EndsSlowly()) == (0, ["ended in order"])


def test_component_with_helpers_ends_the_container_with_its_own_exit_code(box: Box) -> None:
    box.describe(startup_script=False)
    for code, exit_code in (("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 128 + signal.SIGKILL)):
        assert box.run("run", box.python, "-c", code, env=HELPERS_FIRST).returncode == exit_code
    completed = box.run("run", "no-such-program", env=HELPERS_FIRST)
    assert (completed.returncode, "cannot run no-such-program" in one_line(completed)) == (127, True)


def test_component_with_helpers_gets_the_merged_variables(box: Box) -> None:
    box.env |= HELPERS_FIRST
    assert box.run_script("export A=1\n").returncode == 0
    assert box.result["A"] == "1"


def test_nothing_is_imported_but_the_standard_library_and_what_asks_the_database() -> None:
    paths = sorted(ENTRYPOINT_DIR.glob("*.py"))
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    own = {path.stem for path in paths}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names - own == {"psycopg2"}
