"""What ruff's rules on Airflow find: names and arguments that Airflow 3 removed, moved or reads differently.

Not for what ruff finds besides, and not for rules that `rules` has in MWAA's own words (AIR003).
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from mwaa_local.check.finding import NOTE, WARNING, Finding, in_order
from mwaa_local.command import Request, run
from mwaa_local.release import Release

RUFF_TIMEOUT_S = 120.0
MAX_FILES_AT_ONCE = 2_000  # paths are arguments, for which Linux has 2 MB
# Exit codes of `ruff check`: nothing found, something found; any other is a failure of its own.
_RUFF_EXIT_CODES = (0, 1)
_TO_AIRFLOW_3 = "before the upgrade to Airflow 3"
_TO_AIRFLOW_3_1 = "with the upgrade to Airflow 3.1 or later"


@dataclass(frozen=True)
class AirRule:
    """One of ruff's rules. A severity of "" means that it has nothing to say about such releases."""

    severity: str  # on Airflow 3
    severity_before: str  # on Airflow 2
    why: str
    why_before: str = ""
    hint: str = ""  # where ruff has none


_REMOVED = "Airflow 3 does not have it any more: the file, or the task, fails there."
_CHANGED = "Airflow 3 takes other arguments there: the call fails, or means something else."
_NEXT = "It works on this release, but not on Airflow 3, to which MWAA's newer environments move."
_STILL_WORKS = "It still works on this release; a later Airflow will not have it."
_ELSEWHERE_LATER = "It is right on this release; from Airflow 3.1 on it is elsewhere."
_NO_SUCCESSOR = "nothing took its place in Airflow 3: see its upgrade guide"
AIR_RULES: Mapping[str, AirRule] = {
    "AIR002": AirRule(
        severity=NOTE,
        severity_before=WARNING,
        why="Without one, Airflow 3 only runs the DAG when it is triggered; Airflow 2 ran it daily.",
        why_before="Without one, Airflow 2 runs the DAG daily; Airflow 3 only when it is triggered.",
        hint="say which is meant: a cron expression, or None",
    ),
    "AIR301": AirRule(WARNING, NOTE, _REMOVED, _NEXT),
    "AIR302": AirRule(WARNING, NOTE, _REMOVED, _NEXT, "import it from the provider that has it now"),
    "AIR303": AirRule(WARNING, NOTE, _CHANGED, _NEXT, "call it as Airflow 3 has it"),
    "AIR304": AirRule(
        severity=WARNING,
        severity_before="",
        why="Each load of the file then makes a new version of the DAG, and the metadata database grows without end.",
        hint="give a value that stays, or a template such as {{ ds }}",
    ),
    "AIR311": AirRule(NOTE, "", _STILL_WORKS, ""),
    "AIR312": AirRule(NOTE, "", _STILL_WORKS, "", "import it from the provider that has it now"),
    "AIR321": AirRule(NOTE, "", "Airflow 3.1 moved it; the old place will go.", "", "import it from the new place"),
}
# What ruff knows no successor of, or names one that the next release moves again. By the name that it tells of.
_HINTS: Mapping[str, str] = {
    "airflow.utils.dates.days_ago": "write the date itself",
    "airflow.hooks.base_hook.BaseHook": "import it from airflow.hooks.base; from Airflow 3.1 on, from airflow.sdk",
    "sla": "use a deadline alert, which Airflow has from 3.1 on",
    "sla_miss_callback": "use a deadline alert, which Airflow has from 3.1 on",
}
# Taken without an error and without an effect. Source: Airflow 3, `BaseOperator` and `DAG` (task SDK).
_WITHOUT_EFFECT = frozenset({"sla", "sla_miss_callback"})
_IGNORED = "Airflow 3 takes it and does nothing with it."
_SUBJECT = re.compile(r"`([\w.]+)`")
# ruff says "removed" of what is only deprecated; the rest of its sentence says that it still works.
_ONLY_DEPRECATED = ("AIR311", "is removed in Airflow 3.0", "is deprecated since Airflow 3.0")
_INSTALL = re.compile(r"Install `(?P<package>[\w-]+)>=(?P<version>[\w.]+)` and use ")


def air_findings(
    paths: Sequence[Path], root_dir: Path, release: Release, env: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return what ruff's Airflow rules find in the files, each remark once a file, with paths below `root_dir`.

    On Airflow 3 removed names are warnings (importing the file tells whether it fails), on Airflow 2 notes for the
    upgrade. Airflow 1.10 has none: what ruff advises is not there yet. Files that are no valid Python are left out.
    """
    rules = _rules_for(release)
    if not rules or not paths:
        return ()
    names = {str(path.absolute()): _shown(path, root_dir) for path in paths}
    files = sorted(names)
    found: dict[tuple[str, str, str], Finding] = {}
    for start in range(0, len(files), MAX_FILES_AT_ONCE):
        for row in _ruff(files[start : start + MAX_FILES_AT_ONCE], rules, root_dir, env):
            finding = _finding(row, names, rules, release)
            if finding is not None:
                found.setdefault((finding.path, finding.rule, finding.what), finding)
    return in_order(found.values())


def _rules_for(release: Release) -> dict[str, tuple[str, AirRule]]:
    """Return the rules that make sense for the release, with the severity they have there."""
    if not release.is_at_least("2.0.0"):
        return {}
    is_new = release.generation == "3.x"
    chosen = {code: (rule.severity if is_new else rule.severity_before, rule) for code, rule in AIR_RULES.items()}
    return {code: item for code, item in chosen.items() if item[0]}


def _shown(path: Path, root_dir: Path) -> str:
    return path.relative_to(root_dir).as_posix() if path.is_relative_to(root_dir) else path.as_posix()


def _ruff(files: list[str], codes: Mapping[str, object], root_dir: Path, env: Mapping[str, str]) -> Iterator[Any]:
    """Yield what ruff finds in the files, by line, as its JSON tells it."""
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory(prefix="mwaa-local-") as folder:
        # Into a file, as warnings would stand between the lines of a common stream.
        output_path = Path(folder) / "findings.json"
        options = ("--isolated", "--no-cache", "--preview", "--quiet", "--no-fix", "--select", ",".join(codes))
        output = ("--output-format", "json", "--output-file", str(output_path))
        own_env = {name: value for name, value in env.items() if not name.startswith("RUFF_")}
        argv = [find_ruff_bin(), "check", *options, *output, "--", *files]
        completed = run(Request(argv, own_env, root_dir, RUFF_TIMEOUT_S))
        if completed.exit_code not in _RUFF_EXIT_CODES:
            raise RuntimeError(f"ruff ended with {completed.exit_code}: {completed.output}")
        rows = json.loads(output_path.read_text(encoding="utf-8"))
    yield from sorted(rows, key=lambda row: (row["filename"], row["location"]["row"], row["location"]["column"]))


def _finding(
    row: Any, names: Mapping[str, str], rules: Mapping[str, tuple[str, AirRule]], release: Release
) -> Finding | None:
    severity, rule = rules.get(row["code"] or "", ("", None))
    path, line = row["filename"], int(row["location"]["row"])
    if rule is None or path not in names or _is_start_date(row) or _has_open_arguments(row):
        return None
    is_new = release.generation == "3.x"
    what = _what(row["code"], row["message"])
    hint = _hint(row, rule, what, release)
    why = rule.why if is_new else rule.why_before
    if not is_new and rule.why_before == _NEXT:
        hint = f"{_TO_AIRFLOW_3}: {hint}"
    elif row["code"] == "AIR321" and not release.is_at_least("3.1.0"):
        why, hint = _ELSEWHERE_LATER, f"{_TO_AIRFLOW_3_1}: {hint}"
    elif is_new and subject_of(what) in _WITHOUT_EFFECT:
        what, why = f"`{subject_of(what)}` has no effect since Airflow 3.0", _IGNORED
    return Finding(f"ruff-{row['code']}", severity, names[path], line, what, why, hint)


def subject_of(what: str) -> str:
    """Return the name that one of ruff's sentences tells of: dotted where it is imported, else an argument's."""
    found = _SUBJECT.search(what)
    return found[1] if found else ""


def _what(code: str, message: str) -> str:
    """Return ruff's sentence without what `why` says anyway."""
    what = message.partition("; It still works")[0].partition("; using it")[0].rstrip(";. ")
    rule, said, meant = _ONLY_DEPRECATED
    return what.replace(said, meant) if code == rule else what


def _hint(row: Any, rule: AirRule, what: str, release: Release) -> str:
    """Return what to do: ruff's words where they help with this release, else ours."""
    subject = subject_of(what)
    if subject in _HINTS:
        return _HINTS[subject]
    hint = str((row["fix"] or {}).get("message") or "").rstrip(".")
    if not hint:
        return rule.hint or (_NO_SUCCESSOR if "." in subject else "take it out")
    return _INSTALL.sub(lambda match: "use " if _is_in_image(match, release) else match[0], hint)


def _is_in_image(match: re.Match[str], release: Release) -> bool:
    pinned = release.packages.base.get(match["package"])
    return pinned is not None and Version(pinned) >= Version(match["version"])


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
