"""Which files an .airflowignore keeps from Airflow's loader of plugins, judged as Airflow does it. Pure.

Airflow 2 reads regular expressions unless `core.dag_ignore_file_syntax` says glob, Airflow 3 globs unless it says
regexp; 1.10 loads every file whatever such a file says. Source: `find_path_from_directory` in Airflow's
`utils/file.py`, from 3.2 on in `_shared/module_loading/file_discovery.py`, which `plugins_manager.py` calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mwaa_local.release import Release

IGNORE_FILE = ".airflowignore"
SYNTAX_OPTION = "core.dag_ignore_file_syntax"
GLOB, REGEXP = "glob", "regexp"
HONOURED_SINCE = "2.0.0"
GLOB_SINCE = "3.0.0"  # as the default
_COMMENT = re.compile(r"\s*#.*")
Parts = tuple[str, ...]  # of a path below the plugins folder


@dataclass(frozen=True)
class _Rule:
    """One line. `below` are the parts of the folder to which a path is relative; None: only its last part counts."""

    pattern: re.Pattern[str]
    below: Parts | None = ()
    excludes: bool = True  # False: a glob with `!`, which takes back what an earlier line says
    only_folders: bool = False

    def matches(self, path: Parts, *, is_folder: bool) -> bool:
        if self.only_folders and not is_folder:
            return False
        return self.pattern.search("/".join(path[-1:] if self.below is None else path[len(self.below) :])) is not None


@dataclass(frozen=True)
class IgnoreRules:
    """The rules of all .airflowignore files, by the folder that has the file."""

    by_folder: Mapping[Parts, tuple[_Rule, ...]]

    @classmethod
    def of(cls, texts: Mapping[Parts, str], release: Release, syntax: str = "") -> IgnoreRules:
        """Return the rules of the files' texts, by folder; `syntax` is the option's value, "" if it is not set."""
        return cls.of_dags(texts, release, syntax) if release.is_at_least(HONOURED_SINCE) else cls({})

    @classmethod
    def of_dags(cls, texts: Mapping[Parts, str], release: Release, syntax: str = "") -> IgnoreRules:
        """Return the rules for the DAGs folder, where 1.10 keeps to them, too."""
        globs = is_glob(release, syntax)
        rules = {folder: _glob_rules(folder, text) if globs else _regexp_rules(text) for folder, text in texts.items()}
        return cls({folder: tuple(found) for folder, found in rules.items()})

    def ignores(self, path: Parts) -> bool:
        """Whether Airflow passes over a file: by its own name, or that of a folder around it."""
        rules: list[_Rule] = []
        for length in range(1, len(path) + 1):
            rules += self.by_folder.get(path[: length - 1], ())
            if _decides(rules, path[:length], is_folder=length < len(path)):
                return True
        return False


def is_glob(release: Release, syntax: str = "") -> bool:
    """Whether Airflow reads globs in such files. `syntax` is the option's value, "" if it is not set."""
    return (syntax or (GLOB if release.is_at_least(GLOB_SINCE) else REGEXP)) == GLOB


def _decides(rules: Iterable[_Rule], path: Parts, *, is_folder: bool) -> bool:
    matched = False
    for rule in rules:
        if rule.matches(path, is_folder=is_folder):
            matched = rule.excludes
    return matched


def _lines(text: str) -> Iterator[str]:
    yield from filter(None, (_COMMENT.sub("", line) for line in text.split("\n")))


def _regexp_rules(text: str) -> Iterator[_Rule]:
    """Yield expressions, searched in the path from the plugins folder on; Airflow passes over invalid ones, too."""
    for line in _lines(text):
        try:
            yield _Rule(re.compile(line))
        except re.error:
            continue


def _glob_rules(folder: Parts, text: str) -> Iterator[_Rule]:
    for line in map(str.rstrip, _lines(text)):
        glob = line.removeprefix("!")
        body = glob.strip("/")
        if body:
            is_anchored = glob.startswith("/") or "/" in glob.rstrip("/")
            pattern = re.compile(f"{_expression(body)}(?:/.*)?\\Z", re.DOTALL)
            yield _Rule(pattern, folder if is_anchored else None, glob is line, glob.endswith("/"))


def _expression(glob: str) -> str:
    """Return the regular expression of a glob as git reads it."""
    parts = glob.split("/")
    found = "\\A"
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            found += ".*" if is_last else "(?:.+/)?"
        else:
            found += _part(part) + ("" if is_last else "/")
    return found


def _part(glob: str) -> str:
    found, position = "", 0
    while position < len(glob):
        character = glob[position]
        end = glob.find("]", position + 2) if character == "[" else -1
        if end > 0:
            members = glob[position + 1 : end].replace("\\", "\\\\")
            found += f"[^{members[1:]}]" if members[0] in "!^" else f"[{members}]"
            position = end
        elif character == "\\" and position + 1 < len(glob):
            position += 1
            found += re.escape(glob[position])
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        position += 1
    return found
