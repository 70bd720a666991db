"""write-below-dags: files written where MWAA keeps a copy of the bucket."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mwaa_local.check.dags.dags_folder import is_below_dags
from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Call, Source
from mwaa_local.finding import WARNING, Finding

ID = "write-below-dags"
WHY = (
    "Each container syncs /usr/local/airflow/dags with the bucket every 30 s: a file that a task writes there may be "
    "gone for the next task, and no other worker or scheduler ever sees it."
)
HINT = "write to S3 what others need, and to /tmp what only this task needs"
_WRITING_MODE = re.compile(r"[wax+]")
# What writes if its second argument, the mode, says so; and how it calls the first.
_OPEN: dict[str, str] = {
    "builtins.open": "file",
    "bz2.open": "filename",
    "codecs.open": "filename",
    "gzip.open": "filename",
    "io.open": "file",
    "lzma.open": "filename",
    "open": "file",
    "tarfile.open": "name",
    "zipfile.ZipFile": "file",
}
# Functions, and at which place they take what they write; some name the argument.
_FUNCTIONS: dict[str, tuple[int, str]] = {
    "logging.FileHandler": (0, "filename"),
    "logging.handlers.RotatingFileHandler": (0, "filename"),
    "logging.handlers.TimedRotatingFileHandler": (0, "filename"),
    "numpy.save": (0, "file"),
    "numpy.savetxt": (0, "fname"),
    "os.makedirs": (0, "name"),
    "os.mkdir": (0, "path"),
    "os.rename": (1, "dst"),
    "os.replace": (1, "dst"),
    "shutil.copy": (1, "dst"),
    "shutil.copy2": (1, "dst"),
    "shutil.copyfile": (1, "dst"),
    "shutil.copytree": (1, "dst"),
    "shutil.make_archive": (0, "base_name"),
    "shutil.move": (1, "dst"),
    "shutil.unpack_archive": (1, "extract_dir"),
    "urllib.request.urlretrieve": (1, "filename"),
}
_LOGGING = "logging.basicConfig"
_MOVES = frozenset(("rename", "replace"))  # of paths; texts have a method of that name too, with two arguments
_PATH_METHODS = frozenset(("hardlink_to", "mkdir", "symlink_to", "touch", "write_bytes", "write_text"))
# Methods of data frames, of boto3's clients and buckets, of archives, likewise.
_METHODS: dict[str, tuple[int, str]] = {
    "download_file": (2, "Filename"),
    "extractall": (0, "path"),
    "savefig": (0, "fname"),
    "to_csv": (0, "path_or_buf"),
    "to_excel": (0, "excel_writer"),
    "to_json": (0, "path_or_buf"),
    "to_parquet": (0, "path"),
    "to_pickle": (0, "path"),
    "write_csv": (0, "file"),
    "write_parquet": (0, "file"),
}
_FOLDER = r"[\"']?/usr/local/airflow/dags(?![\w.-])"
_IN_COMMAND = re.compile(
    rf"(?:>|\btee(?:\s+-a)?\s|\bmkdir(?:\s+-p)?\s|\btouch\s)\s*{_FOLDER}"
    rf"|\b(?:cp|mv|rsync|sync)\b[^\n;|&]{{0,200}}\s{_FOLDER}\S*\s*(?:$|[\n;|&])"
)
_COMMAND = "bash_command"


def find(source: Source) -> Iterator[Finding]:
    """Yield calls and commands that write below the DAGs folder."""
    for call in source.calls:
        target = _written(source, call)
        if target is not None and is_below_dags(source, target):
            name = (
                call.node.func.attr
                if isinstance(call.node, ast.Call) and isinstance(call.node.func, ast.Attribute)
                else ""
            )
            what = f"{name or call.last_name}() writes below the DAGs folder"
            yield at(source, call.node, ID, WARNING, what, WHY, HINT)
        if _IN_COMMAND.search(source.string(call.arguments.get(_COMMAND)) or ""):
            what = f"{_COMMAND} of {call.last_name} writes below the DAGs folder"
            yield at(source, call.arguments[_COMMAND], ID, WARNING, what, WHY, HINT)


def _written(source: Source, call: Call) -> ast.expr | None:
    """Return the path to which a call writes; None where it writes nothing."""
    if call.name in _OPEN:
        return call.argument(_OPEN[call.name], 0) if _is_writing(source, call.argument("mode", 1)) else None
    if call.name == _LOGGING:
        return call.argument("filename")
    if call.name in _FUNCTIONS:
        position, keyword = _FUNCTIONS[call.name]
        return call.argument(keyword, position)
    func = call.node.func if isinstance(call.node, ast.Call) else None
    if not isinstance(func, ast.Attribute):
        return None
    if func.attr == "open":
        return func.value if _is_writing(source, call.argument("mode", 0)) else None
    if func.attr in _PATH_METHODS:
        return func.value
    if func.attr in _MOVES and len(call.positional) == 1:
        return call.positional[0]
    if func.attr in _METHODS:
        position, keyword = _METHODS[func.attr]
        # A bucket's method does without the bucket's name.
        return call.argument(keyword, min(position, max(len(call.positional) - 1, 0)))
    return None


def _is_writing(source: Source, mode: ast.expr | None) -> bool:
    return bool(_WRITING_MODE.search(source.string(mode) or ""))


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="A file is written below the DAGs folder, which MWAA replaces from S3.",
    why=WHY,
    bad="""\
import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task

STATE = Path(__file__).parent / "state.json"


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def counter():
    @task
    def count():
        STATE.write_text(json.dumps({"count": 1}))

    count()


counter()
""",
    good="""\
import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task

SETTINGS = Path(__file__).parent / "settings.json"


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def counter():
    @task
    def count():
        settings = json.loads(SETTINGS.read_text())
        Path("/tmp/state.json").write_text(json.dumps(settings))

    count()


counter()
""",
    find=find,
)
