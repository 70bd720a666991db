"""Remarks: what ruff's rules on Airflow say of DAG files, as values. Not for what they mean for a release: `air`.

ruff's JSON has code, place and fix as values. Which name a remark is about, what to write in its place and which
package has it, are only in its sentences: they are read here and nowhere else.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.command import Request, run
from mwaa_local.scratch import scratch_folder

RUFF_TIMEOUT_S = 120.0
MAX_FILES_AT_ONCE = 2_000  # paths are arguments, for which Linux has 2 MB
# Exit codes of `ruff check`: nothing found, something found; any other is a failure of its own.
_RUFF_EXIT_CODES = (0, 1)
_SUBJECT = re.compile(r"`([^`]+)`")
_PLACE = re.compile(r"[Uu]se `(?P<name>[\w.]+)` from `(?P<module>[\w.]+)`")
_MOVED = re.compile(r"`(?P<name>\w+)` has been moved to `(?P<module>[\w.]+)`")
_INSTEAD = re.compile(r"Use `(\w+)` instead")
_PACKAGE = re.compile(r"Install `(?P<name>[\w-]+)>=(?P<version>[\w.]+)`")
# How sentences end that say more than what is wrong.
_MORE = ("; It still works", "; using it")
# ruff says "removed" of what is only deprecated; the rest of its sentence says that it still works.
_SAID_REMOVED, _IS_DEPRECATED = "is removed in Airflow 3.0", "is deprecated since Airflow 3.0"


@dataclass(frozen=True)
class Package:
    """A provider, from the version on that has what a remark speaks of."""

    name: str
    version: str


@dataclass(frozen=True)
class RuffRemark:
    """One remark of ruff's. `path` is absolute; `advice` is what its fix would do, or ""."""

    code: str
    path: str
    line: int
    said: str
    advice: str

    @property
    def subject(self) -> str:
        """The name that it is about: dotted where it is imported, else an argument's or a key's."""
        found = _SUBJECT.search(self.said)
        return found[1] if found else ""

    @property
    def gist(self) -> str:
        """What is wrong, in ruff's words."""
        said = self.said
        for more in _MORE:
            said = said.partition(more)[0]
        return said.rstrip(";. ")

    @property
    def gist_of_deprecation(self) -> str:
        """The same, for a name that still exists."""
        return self.gist.replace(_SAID_REMOVED, _IS_DEPRECATED)

    @property
    def successor(self) -> str:
        """The dotted name to import in its place, or ""."""
        found = _PLACE.search(self.advice) or _MOVED.search(self.advice)
        return f"{found['module']}.{found['name']}" if found else ""

    @property
    def place(self) -> tuple[str, str]:
        """Name and module of the successor, as an import has them."""
        found = _PLACE.search(self.advice) or _MOVED.search(self.advice)
        return (found["name"], found["module"]) if found else ("", "")

    @property
    def instead(self) -> str:
        """The argument or key to write in its place, or ""."""
        found = _INSTEAD.fullmatch(self.advice)
        return found[1] if found else ""

    @property
    def package(self) -> Package | None:
        """The provider that has the successor, if one does."""
        found = _PACKAGE.search(self.advice)
        return Package(found["name"], found["version"]) if found else None


def remarks(files: Sequence[str], codes: Iterable[str], root_dir: Path, env: Mapping[str, str]) -> Iterator[RuffRemark]:
    """Yield the remarks of these rules on the files, by file and line, without what our other rules report.

    Files that are no valid Python are left out.
    """
    for start in range(0, len(files), MAX_FILES_AT_ONCE):
        for row in _ruff(files[start : start + MAX_FILES_AT_ONCE], codes, root_dir, env):
            if row["code"] in codes and not _is_start_date(row) and not _has_open_arguments(row):
                advice = str((row["fix"] or {}).get("message") or "").rstrip(".")
                yield RuffRemark(row["code"], row["filename"], int(row["location"]["row"]), row["message"], advice)


def _ruff(files: Sequence[str], codes: Iterable[str], root_dir: Path, env: Mapping[str, str]) -> Iterator[Any]:
    """Yield what ruff finds in the files, by line, as its JSON tells it."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    with scratch_folder("mwaa-local-ruff-") as folder:
        # Into a file, as warnings would stand between the lines of a common stream.
        output_path = folder / "findings.json"
        options = ("--isolated", "--no-cache", "--preview", "--quiet", "--no-fix", "--select", ",".join(codes))
        output = ("--output-format", "json", "--output-file", str(output_path))
        own_env = {name: value for name, value in env.items() if not name.startswith("RUFF_")}
        argv = [find_ruff_bin(), "check", *options, *output, "--", *files]
        completed = run(Request(argv, own_env, root_dir, RUFF_TIMEOUT_S))
        if completed.exit_code not in _RUFF_EXIT_CODES:
            raise RuntimeError(f"ruff ended with {completed.exit_code}: {completed.output}")
        rows = json.loads(output_path.read_text(encoding="utf-8"))
    yield from sorted(rows, key=lambda row: (row["filename"], row["location"]["row"], row["location"]["column"]))


def _has_open_arguments(row: Any) -> bool:
    """Whether a schedule may be among the arguments that a DAG gets as `**arguments`, which ruff does not consider."""
    if row["code"] != "AIR002":
        return False
    try:
        tree = ast.parse(Path(row["filename"]).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.lineno == row["location"]["row"])
    return any(keyword.arg is None for call in calls for keyword in call.keywords)


def _is_start_date(row: Any) -> bool:
    """Whether a value that changes is one of start_date, of which the rule start-date-at-parse-time tells."""
    if row["code"] != "AIR304":
        return False
    try:
        lines = Path(row["filename"]).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return "start_date" in "".join(lines[row["location"]["row"] - 1 : row["location"]["row"]])
