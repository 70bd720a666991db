"""Lines of `.airflowignore` that are written for the other of its two syntaxes. Pure, but for reading the files.

Airflow 2 takes regular expressions, searched for in the path below the DAGs folder; Airflow 3 takes globs, as git does
(core.dag_ignore_file_syntax; airflow.utils.file, airflow._shared.module_loading.file_discovery).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mwaa_local.finding import WARNING, Finding
from mwaa_local.release import Release

FILE_NAME = ".airflowignore"
RULE = "airflowignore-syntax"
MEANINGS = {
    RULE: "a line of .airflowignore is of the syntax that this release does not use, and leaves out other files"
}
OPTION, VARIABLE = "core.dag_ignore_file_syntax", "AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"
GLOB, REGEXP = "glob", "regexp"
OPTION_SINCE = "2.3.0"  # before, only regular expressions
GLOB_GENERATION = "3.x"  # whose default is glob
RE2_SINCE = "2.7.0"  # airflow.utils.file: since then google-re2 reads them, which cannot look around
MAX_FILES = 5000  # that a line is tried on
_COMMENT = re.compile(r"\s*#.*")
_LOOK_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")
# A star after a plain character or at the beginning, as few regular expressions have it; and what no glob has.
_GLOB_LIKE = re.compile(r"(?:^|(?<!\\)[\w/*-])\*|^!|(?:^|/)\*")
_REGEXP_LIKE = re.compile(r"\.[*+?]|\\[.wds/]|^\^|\$$|[()|]")


def ignore_syntax(release: Release, variables: Mapping[str, str]) -> str:
    """Return the syntax that holds; `variables` are those of the scheduler's."""
    if not release.is_at_least(OPTION_SINCE):
        return REGEXP
    return variables.get(VARIABLE, "").lower() or (GLOB if release.generation == GLOB_GENERATION else REGEXP)


def ignore_findings(root_dir: Path, folders: Sequence[Path], release: Release, syntax: str) -> Iterator[Finding]:
    """Yield the lines that do not do what they look like, in the `.airflowignore` of these folders and below."""
    for folder in folders:
        for path in sorted(folder.rglob(FILE_NAME)):
            if path.is_file() and path.is_relative_to(root_dir):
                yield from _of_file(path, folder, root_dir, release, syntax)


def _of_file(path: Path, folder: Path, root_dir: Path, release: Release, syntax: str) -> Iterator[Finding]:
    text = path.read_text(encoding="utf-8", errors="replace")
    files = _IgnorableFiles(path.parent, folder)
    for number, line in enumerate(text.splitlines(), 1):
        pattern = _COMMENT.sub("", line).strip()
        if not pattern:
            continue
        verdict = (_as_regexp if syntax == REGEXP else _as_glob)(pattern, files, release)
        if verdict is not None:
            what, why, hint = verdict
            yield Finding(RULE, WARNING, path.relative_to(root_dir).as_posix(), number, what, why, hint)


class _IgnorableFiles:
    """What a line can leave out: the Python files below its folder, looked up when first asked for."""

    def __init__(self, here: Path, folder: Path) -> None:
        self._here = here
        self._folder = folder
        self._paths: list[Path] | None = None

    def differ(self, of_release: str, meant: str, *, globs_from_here: bool) -> tuple[int, int] | None:
        """Return how many files the two regular expressions leave out, if these are not the same files.

        A regular expression of a release counts from the DAGs folder, a glob from the folder of its file.
        """
        if self._paths is None:
            self._paths = [path for path in self._here.rglob("*") if path.suffix in (".py", ".zip")][:MAX_FILES]
        try:
            first, second = re.compile(of_release), re.compile(meant)
        except re.error:
            return None
        bases = (self._folder, self._here) if globs_from_here else (self._here, self._folder)
        one = {path for path in self._paths if first.search(path.relative_to(bases[0]).as_posix())}
        other = {path for path in self._paths if second.search(path.relative_to(bases[1]).as_posix())}
        return None if one == other else (len(one), len(other))


def _as_regexp(pattern: str, files: _IgnorableFiles, release: Release) -> tuple[str, str, str] | None:
    """Return what is wrong with a line that is read as a regular expression."""
    right = regexp_of_glob(pattern)
    hint = f"write {right}" + (f', or set {OPTION}: "{GLOB}"' if release.is_at_least(OPTION_SINCE) else "")
    reason = _why_not_compiled(pattern, release)
    if reason:
        return f"{pattern} is no regular expression", f"Airflow passes over the line: {reason}.", hint
    if not _GLOB_LIKE.search(pattern):
        return None
    counts = files.differ(pattern, right, globs_from_here=True)
    if counts is None:
        return None
    what = f"{pattern} looks like a glob, and Airflow reads it as a regular expression"
    return what, _counts_in_words(*counts, "a glob"), hint


def _as_glob(pattern: str, files: _IgnorableFiles, _release: Release) -> tuple[str, str, str] | None:
    """Return what is wrong with a line that is read as a glob."""
    if not _REGEXP_LIKE.search(pattern) or pattern.startswith("!"):
        return None
    counts = files.differ(regexp_of_glob(pattern), pattern, globs_from_here=False)
    if counts is None:
        return None
    right = glob_of_regexp(pattern)
    hint = f'{f"write {right}, or " if right else ""}set {OPTION}: "{REGEXP}"'
    what = f"{pattern} looks like a regular expression, and Airflow reads it as a glob"
    return what, _counts_in_words(*counts, "a regular expression"), hint


def _counts_in_words(of_release: int, meant: int, meaning: str) -> str:
    return f"It leaves out {of_release} of the Python files here; as {meaning}, it would leave out {meant}."


def _why_not_compiled(pattern: str, release: Release) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    is_re2 = release.is_at_least(RE2_SINCE)
    return "re2, which Airflow uses, cannot look around" if is_re2 and _LOOK_AROUND.search(pattern) else ""


def regexp_of_glob(pattern: str) -> str:
    """Return the regular expression that finds, in a path, what git's glob matches."""
    body = pattern.removeprefix("!").rstrip("/")
    anchored = "/" in body
    parts = re.split(r"(\*\*/|/\*\*|\*+|\?|\[[^]]*\])", body.removeprefix("/"))
    words = {"**/": "(.*/)?", "/**": "/.*", "?": "[^/]"}
    text = "".join(
        part if part.startswith("[") else words.get(part, "[^/]*") if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    ).replace(r"\-", "-")
    end = "/" if pattern.endswith("/") else "$" if text.endswith(r"\.py") else "(/|$)"
    return f"{'^' if anchored else '(^|/)'}{text}{end}"


def glob_of_regexp(pattern: str) -> str:
    """Return the glob for a simple regular expression; "" for one that has none."""
    text = pattern.removeprefix("^").removesuffix("$").replace(".*", "*").replace(r"\.", ".")
    return "" if re.search(r"[\\()|+^$]", text) else text
