"""Read the YAML (or JSON) of `mwaa.yaml` into plain values, keeping for each its line and the text it was written as.

Not for what the values mean: `environment` checks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mwaa_local.environment.service_model import KeyPath, Violation, dotted
from mwaa_local.errors import EnvironmentFileInvalid

# libyaml overflows the C stack some ten thousand levels down; MWAA's deepest member has four.
MAX_DEPTH = 50
MAX_VALUES = 20_000  # aliases of aliases grow without end; MWAA's largest environment stays far below
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the value at `path`, or with the file as a whole where that is empty. Lines count from 1."""

    line: int
    path: KeyPath
    rule: str
    fix: str


@dataclass(frozen=True)
class EnvironmentFile:
    """What the file holds. `lines` and `written` are by path; `written` has the text of scalars that YAML retyped."""

    path: Path
    data: Any = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    written: Mapping[KeyPath, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    @classmethod
    def read(cls, path: Path) -> EnvironmentFile | None:
        """Return the content of the file, or None when there is none. An empty file has the data None.

        Duplicate keys and the like are in `problems`. Raises EnvironmentFileInvalid when nothing can be read at all.
        """
        text = _read_text(path)
        if text is None:
            return None
        try:
            return _parse(path, text)
        except yaml.YAMLError as error:
            raise invalid(path, [_syntax_problem(text, error)]) from error

    def problems_with(self, violations: Iterable[Violation]) -> list[Problem]:
        """Return the file's own problems and the violations, with their lines.

        A value that could not be read is reported as that, not for the rules that it breaks in consequence.
        """
        unread = {problem.path for problem in self.problems}
        found = [each for each in violations if each.path not in unread]
        return [*self.problems, *(Problem(self.line(each.path), each.path, each.rule, each.fix) for each in found)]

    def line(self, path: KeyPath) -> int:
        """Return the line of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def invalid(path: Path, problems: Sequence[Problem]) -> EnvironmentFileInvalid:
    """Return the error that lists all problems by line, with one fix or, for several problems, one per line."""
    ordered = sorted(problems, key=lambda problem: problem.line)
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    rules = [f"{dotted(problem.path) + ': ' if problem.path else ''}{problem.rule}" for problem in ordered]
    why = [f"{path.name}:{problem.line}: {rule}" for problem, rule in zip(ordered, rules, strict=True)]
    fixes = [problem.fix for problem in ordered]
    if len(ordered) > 1:
        fixes = [f"line {problem.line}: {problem.fix}" for problem in ordered]
    error = EnvironmentFileInvalid(f"{path} has {count}", "\n".join(why), "\n".join(dict.fromkeys(fixes)))
    error.problems = tuple((problem.line, rule, problem.fix) for problem, rule in zip(ordered, rules, strict=True))
    return error


def _read_text(path: Path) -> str | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise EnvironmentFileInvalid(
                f"{path} is a link to a file that does not exist",
                f"It points to {path.readlink()}.",
                "correct the link",
            ) from error
        return None
    except IsADirectoryError as error:
        raise EnvironmentFileInvalid(
            f"{path} is a folder", "It must be a file.", "rename or remove the folder"
        ) from error
    except OSError as error:
        raise EnvironmentFileInvalid(
            f"cannot read {path}", error.strerror or str(error), "make the file readable for your user"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fix = f"save the file as UTF-8 (PowerShell: `... | Out-File -Encoding utf8 {path.name}`)"
        raise invalid(path, [Problem(line, (), f"not UTF-8 text (byte {error.start})", fix)]) from error


def _parse(path: Path, text: str) -> EnvironmentFile:
    forbidden = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if forbidden:
        line = text.count("\n", 0, forbidden.start()) + 1
        rule = f"the character U+{ord(forbidden[0]):04X} is not allowed in YAML"
        raise invalid(path, [Problem(line, (), rule, "remove the character")])
    # The events come without recursion, so this is the place to stop a file that nests too deep for the composer.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise invalid(path, [_too_deep(_line(event))])
    root = yaml.compose(text, Loader=_LOADER)
    reader = _NodeReader()
    data = None if root is None else reader.value(root, ())
    return EnvironmentFile(path, data, reader.lines, reader.written, reader.problems)


def _line(place: Any) -> int:
    return int(place.start_mark.line) + 1


def _too_deep(line: int) -> Problem:
    rule = "nested deeper than any member of MWAA's"
    return Problem(line, (), rule, "write the members as `aws mwaa get-environment` prints them")


class _NodeReader:
    """Turns YAML nodes into plain values, and collects lines, texts and problems on the way."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.written: dict[KeyPath, str] = {}
        self.problems: list[Problem] = []
        self._construct = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        line = self.lines.setdefault(path, _line(node))
        if len(path) > MAX_DEPTH or len(self.lines) > MAX_VALUES:
            if not any(not problem.path for problem in self.problems):
                self.problems.append(_too_deep(line))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path, line)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(
                    line, path, "a name must be text, not a list or mapping", "write each entry as `Name: value`"
                )
            elif key_node.tag == f"{_TAG}merge":
                self._problem(
                    line, path, "merge keys (<<) are not read", "write the members out, or use an alias for each"
                )
            elif key_node.value in values:
                place = (*path, key_node.value)
                rule = f"given twice; first on line {self.lines[place]}"
                self._problem(line, place, rule, f"keep one {dotted((key_node.value,))}")
            else:
                self.lines[(*path, key_node.value)] = line
                values[key_node.value] = self.value(value_node, (*path, key_node.value))
        return values

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, line: int) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in ("str", "timestamp", "value", "merge"):
            return node.value
        if kind == "null":
            return None
        read = {
            "bool": self._construct.construct_yaml_bool,
            "int": self._construct.construct_yaml_int,
            "float": self._construct.construct_yaml_float,
        }.get(kind)
        if read is None:
            # The text behind "!" may be a password that lacks its quotes, so the message does not repeat it.
            self._problem(line, path, "a value that starts with ! is a YAML tag", "put the value in quotes")
            return node.tag + node.value
        self.written[path] = node.value
        try:
            return read(node)
        except (ValueError, KeyError, IndexError):
            return node.value

    def _problem(self, line: int, path: KeyPath, rule: str, fix: str) -> None:
        self.problems.append(Problem(line, path, rule, fix))


# By what PyYAML says in `problem`: its errors have a place, and no kinds.
_SYNTAX_FIXES = (
    ("mapping values", "put a value that contains `: ` in quotes, and indent members of one mapping alike"),
    ("cannot start any token", "put a value that starts with @, ` or % in quotes"),
    ("undefined alias", "put a value that starts with * in quotes"),
    ("tag handle", "put a value that starts with ! in quotes"),
    ("another document", "keep one document: remove the second `---` and what follows"),
    ("escape", "use single quotes, or write \\\\ for a backslash"),
    ("expected ':'", "write each entry as `Name: value`, with a blank after the colon"),
)


def _syntax_problem(text: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    # What PyYAML puts in quotes can be a piece of a value (an alias, a tag), and values can be secret.
    words = re.sub(r" '[^'<>]{2,}'", "", getattr(error, "problem", None) or "not readable as YAML")
    context = getattr(error, "context", None)
    if context and not re.search("'", context):
        words = f"{context}: {words}"
    fix = next((fix for sign, fix in _SYNTAX_FIXES if sign in words), "correct the YAML syntax near this line")
    if mark is None:
        return Problem(1, (), f"not valid YAML: {words}", fix)
    lines = text.split("\n")
    line = min(mark.line, len(lines) - 1)
    if lines[line][mark.column : mark.column + 1] == "\t":
        fix = "indent with spaces, not tabs"
    return Problem(line + 1, (), f"not valid YAML at column {mark.column + 1}: {words}", fix)
