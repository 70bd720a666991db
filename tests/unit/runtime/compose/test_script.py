"""A program of ours handed to a container as words: it has to run where none of its files is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mwaa_local.cli.dags import DATES_PATH
from mwaa_local.dag_run import SCRIPT_PATH
from mwaa_local.runtime.compose.script import script_argv

# Linux gives no more to a single word: MAX_ARG_STRLEN of include/uapi/linux/binfmts.h.
MOST_BYTES = 128 * 1024


def test_program_runs_with_the_modules_beside_it_and_gets_its_words(tmp_path: Path) -> None:
    (tmp_path / "lower.py").write_text('QUOTED = "it\'s \\"so\\""\n')
    (tmp_path / "middle.py").write_text("from lower import QUOTED\n\ndef shown():\n    return QUOTED.upper()\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom middle import shown\n\nif __name__ == '__main__':\n    print(shown(), *sys.argv[1:])\n"
    )
    argv = script_argv(program)
    ended = subprocess.run([sys.executable, *argv[1:], "a", "b c"], cwd="/", capture_output=True, text=True, check=True)
    assert ended.stdout == 'IT\'S "SO" a b c\n'


@pytest.mark.parametrize("path", [SCRIPT_PATH, DATES_PATH], ids=lambda path: path.stem)
def test_programs_for_dag_runs_are_whole_short_enough_and_plain(path: Path) -> None:
    python, option, code = script_argv(path)
    assert (python, option) == ("python", "-c")
    assert len(code.encode()) < MOST_BYTES
    assert code.isascii(), "a container's locale may know nothing else"
    modules = dict(ast.literal_eval(code.split(" in ", 1)[1].split(":\n", 1)[0]))
    assert {"dag_dates", path.stem} <= modules.keys()
