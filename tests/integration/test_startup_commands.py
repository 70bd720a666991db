"""Commands of the startup script that fail in its middle, as bash itself tells; and that telling changes nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.errors import StartupScriptFailed
from mwaa_local.runtime.installed import script_remarks
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.startup.run import run_startup_script

ENV = {"PATH": os.defpath, "HOME": "/nonexistent", "AIRFLOW_HOME": "/usr/local/airflow"}
Run = Callable[[str], StartupOutcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_script(text: str) -> StartupOutcome:
        script_path = tmp_path / "startup.sh"
        script_path.write_text(text)
        return run_startup_script(script_path, "worker", ENV, tmp_path, tmp_path / "worker.log", timeout_s=20.0)

    return run_script


def failed(outcome: StartupOutcome) -> list[tuple[int, int]]:
    return [(item.line, item.exit_code) for item in outcome.failed_commands]


FAILURES = {
    "in the middle": ("export A=1\nls /no-such\nexport B=2\n", [(2, 2)]),
    "at the end": ("export A=1\nls /no-such\n", [(2, 2)]),
    "two": ("ls /no-such\nmkdir /proc/x\ntrue\n", [(1, 2), (2, 1)]),
    "not found": ("no-such-command --now\ntrue\n", [(1, 127)]),
    "in a function's middle": ("f() {\n  ls /no-such\n  true\n}\nf\n", [(2, 2)]),
    "at a function's end, told once": ("f() {\n  true\n  ls /no-such\n}\nf\ntrue\n", [(3, 2)]),
    "in a substitution": ("x=$(ls /no-such)\nexport x\n", [(1, 2)]),
    "in a subshell": ("( ls /no-such )\ntrue\n", [(1, 2)]),
    "in a loop, told once": ("for i in 1 2; do\n  ls /no-such\ndone\ntrue\n", [(2, 2)]),
    "over two lines": ("ls /no-such \\\n  /nor-such\ntrue\n", [(1, 2)]),
    "last in a list": ("true && ls /no-such\ntrue\n", [(1, 2)]),
    "file to source that is not there": (". ./missing.sh\ntrue\n", [(1, 1)]),
    "grep that cannot read": ("grep x /no-such\ntrue\n", [(1, 2)]),
    "with set -u": ("set -u\nls /no-such\ntrue\n", [(2, 2)]),
    "with another IFS": ("IFS=0123456789\nls /no-such\ntrue\n", [(2, 2)]),
    "in another folder with another umask": ("set -C\numask 777\ncd /\nls /no-such\ntrue\n", [(4, 2)]),
}


@pytest.mark.parametrize(("script", "expected"), FAILURES.values(), ids=FAILURES)
def test_failed_command_is_told_with_its_line(run: Run, script: str, expected: list[tuple[int, int]]) -> None:
    assert failed(run(script)) == expected


NO_FAILURES = {
    "condition": "if ls /no-such; then true; fi\nwhile ls /no-such; do true; done\nuntil true; do true; done\n",
    "lists": "ls /no-such || true\nls /no-such && true\ntrue\n",
    "negation": "! ls /no-such\n! true\ntrue\n",
    "function in a condition": "f() {\n  ls /no-such\n  ls /no-such\n}\nif f; then true; fi\nf || true\n",
    "substitution in a condition": "if x=$(ls /no-such); then true; fi\n",
    "exit code that is looked at": "ls /no-such\nif [ $? -ne 0 ]; then true; fi\nls /no-such; rc=$?\n",
    "exit code that is looked at further down": "ls /no-such \\\n  /nor-such\n\n# why\ncode=$?\n",
    "answer no": "grep -q x /dev/null\n[[ -f /no-such ]]\n[ -f /no-such ]\n((0))\ntrue\n",
    "program that is not there": "command -v no-such\nwhich no-such\ntrue\n",
    "test as a function's last command": "f() {\n  [ -f /no-such ] && true\n}\nf\ntrue\n",
    "pipe that was read far enough": "set -o pipefail\nyes | head -1\ntrue\n",
    "in what it sources": "printf 'ls /no-such\\n[ -f /no-such ] && true\\n' >other.sh\n. ./other.sh\ntrue\n",
    "in a child": "bash -c 'ls /no-such; true'\n",
    "in the background": "ls /no-such &\ntrue\n",
    "under a trap of its own": "trap 'true' ERR\nls /no-such\ntrue\n",
    "exit code by intention": "exit 3\n",
}


@pytest.mark.parametrize("script", NO_FAILURES.values(), ids=NO_FAILURES)
def test_what_may_fail_is_no_failure(run: Run, script: str) -> None:
    assert failed(run(script)) == []


SEEN = """\
f() {
  false foo
  echo "in f: $_ $?"
}
trap_of_mine() { :; }
f bar
echo "after f: $? ${PIPESTATUS[*]}"
false | true | (builtin exit 3)
echo "codes: ${PIPESTATUS[*]} $?"
x=$(false; echo inner)
echo "x: $x $?"
"""


@pytest.mark.parametrize("script", [SEEN, SEEN.replace("trap_of_mine", "mine")], ids=["with trap in it", "without"])
def test_script_runs_as_it_does_without_us(run: Run, tmp_path: Path, script: str) -> None:
    outcome = run(script)
    said = [line.split(" ", 1)[1] for line in outcome.log_path.read_text().splitlines()][1:-2]
    plain = subprocess.run(["bash", tmp_path / "startup.sh"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert said == plain.stdout.splitlines()


def test_traps_of_the_scripts_own_are_not_carried_into_its_functions(run: Run) -> None:
    script = "export SEEN=0\ntrap 'SEEN=$((SEEN + 1))' ERR\nf() {\n  false\n  true\n}\nf\nfalse\ntrue\n"
    assert run(script).exported == {"SEEN": "1"}


def test_command_that_only_mwaa_can_try_is_a_note(run: Run, tmp_path: Path) -> None:
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "aws").write_text("#!/bin/sh\nexit 253\n")
    (bin_dir / "aws").chmod(0o755)
    outcome = run(f"PATH={bin_dir}:$PATH\naws s3 cp s3://b/k .\nexport T=$(aws x)\nx=$(aws y)\ntrue\n")
    assert [(item.line, item.is_of_machine) for item in outcome.failed_commands] == [(2, True), (4, True)]
    assert {remark.severity for remark in script_remarks([outcome])} == {"note"}


def test_program_of_the_container_that_is_missing_here_is_told_once(run: Run) -> None:
    outcome = run("PATH=/nowhere\nyum install -y gcc\n")
    assert failed(outcome) == []
    assert outcome.absent_programs == {"yum": "`yum` is not on this machine; MWAA's container, Amazon Linux, has it"}
    assert outcome.notes == ()  # nor that the script ended with the exit code of this
    assert [(item.line, item.text) for item in outcome.unavailable_commands] == [(2, "yum install -y gcc")]


def test_program_that_was_to_be_installed_here_is_excused_and_one_that_nobody_installs_is_not(run: Run) -> None:
    script = "PATH=/nowhere\nbefore\nyum install -y jo && echo\njo a=1 \\\n  >made.json\n"
    outcome = run(script)
    assert [(item.line, item.is_of_machine) for item in outcome.failed_commands] == [(2, False), (4, True)]
    assert [item.line for item in outcome.unavailable_commands] == [3]  # in a chain, of which bash tells no failure
    assert "made.json" in outcome.failed_commands[1].whole
    assert "made.json" not in outcome.failed_commands[1].what


@pytest.mark.parametrize(("command", "is_of_machine"), [("yum install -y gcc", True), ("ls /no-such", False)])
def test_set_e_at_what_only_mwaa_can_do_says_so(run: Run, command: str, is_of_machine: bool) -> None:
    with pytest.raises(StartupScriptFailed) as caught:
        run(f"set -e\nyum() {{ return 1; }}\n{command}\n")
    assert (caught.value.line, caught.value.is_of_machine) == (3, is_of_machine)


def test_failure_is_a_warning_with_line_command_and_log_and_hides_secrets(run: Run) -> None:
    outcome = run("true\nls https://me:hunter22@host/x\ntrue\n")
    [remark] = script_remarks([outcome])
    assert (remark.severity, remark.subject) == ("warning", "startup script")
    assert remark.what == (
        "startup/startup.sh:2: `ls https://***@host/x` failed with exit code 2, and the script went on"
    )
    assert str(outcome.log_path) in remark.hint
    assert "|| true" in remark.hint


def test_failed_last_command_is_told_once(run: Run) -> None:
    outcome = run("ls /no-such\n")
    assert (outcome.exit_code, outcome.notes) == (2, ())


PIP = {
    "PIP_USER": ("export PIP_USER=false\npip download x\nexport PIP_USER=true\n", [("PIP_USER", 3)]),
    "two on one line": ("export PIP_TARGET=/a PYTHONHOME=/b\n", [("PIP_TARGET", 1), ("PYTHONHOME", 1)]),
    "exported later": ("PIP_NO_INDEX=1\n\nexport PIP_NO_INDEX\n", [("PIP_NO_INDEX", 3)]),
    "switched off": ("export PIP_USER=false PIP_NO_INDEX=0 PIP_TARGET=\n", []),
    "for one command": ("PIP_USER=1 true\nPIP_TARGET=/a true\n", []),
    "unset again": ("export PIP_USER=1\nunset PIP_USER\n", []),
    "not exported": ("PIP_USER=1\necho $PIP_USER\n", []),
    "with wheels to find": ("export PIP_NO_INDEX=1 PIP_FIND_LINKS=/usr/local/airflow/plugins\n", []),
    "index and certificate": ("export PIP_INDEX_URL=https://host/simple PIP_CERT=/a PIP_EXTRA_INDEX_URL=x\n", []),
}


@pytest.mark.parametrize(("script", "expected"), PIP.values(), ids=PIP)
def test_variable_that_reaches_the_pip_of_tasks_is_told(run: Run, script: str, expected: list[tuple[str, int]]) -> None:
    outcome = run(script.replace("pip download x", "true"))
    assert [(item.name, item.line) for item in outcome.pip_variables] == expected
    remarks = [remark for remark in script_remarks([outcome]) if "stays set" in remark.what]
    assert len(remarks) == len(expected)
    assert all(f"unset {name}" in remark.hint for (name, _), remark in zip(expected, remarks, strict=True))
