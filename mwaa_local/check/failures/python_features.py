"""What Python itself has only from a later version on than the release runs: why a file fails, and what to write.

Of grammar, Python's own parser says which version brought it. For the rest there is data; the source is What's New in
Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.check.failures.failure import ImportFailure
from mwaa_local.check.failures.sources import tree_of
from mwaa_local.finding import NAME
from mwaa_local.release import Release

_GRAMMAR = re.compile(r"(.+?) (?:is|are) only supported in Python (\d+\.\d+)")
OLDER = "write it in an older way"
# Python's words for what is newer, ours, and what to write before.
_OF_GRAMMAR: Mapping[str, tuple[str, str]] = {
    "Assignment expressions": ("`:=`", "assign the value in a line before"),
    "Exception groups": ("`except*`", "write except"),
    "Parenthesized context managers": ("a `with` in parentheses", "write one `with` within the other"),
    "Pattern matching": ("`match`", "write if and elif"),
    "Positional-only parameters": ("`/` among parameters", "leave it out"),
    "f-string: self documenting expressions": ("`=` in an f-string", "write the name out"),
}
_TYPES = r"'(?:type|ABCMeta|EnumMeta|EnumType|NoneType|(?:\w+\.)?_?\w*GenericAlias|_SpecialForm|TypeVar)'"
# What an exception says, what stands in the line: since when it works, and what to write before.
_SAID: tuple[tuple[str, str, str, str, str], ...] = (
    (
        r"TypeError: 'type' object is not subscriptable",
        r"\b(?:list|dict|tuple|set|frozenset|type)\[",
        "3.9",
        "list[…], dict[…] and the like",
        "write List[…], Dict[…] from typing",
    ),
    (
        r"TypeError: unsupported operand type\(s\) for \|=?: 'dict' and 'dict'",
        "",
        "3.9",
        "`|` of dicts",
        "write {**a, **b}",
    ),
    (
        rf"TypeError: unsupported operand type\(s\) for \|: {_TYPES} and {_TYPES}",
        "",
        "3.10",
        "`|` of types",
        "write Optional[…] or Union[…, …] from typing",
    ),
    (
        r"AttributeError: '(?:str|bytes)' object has no attribute 'remove(?:prefix|suffix)'",
        "",
        "3.9",
        "removeprefix and removesuffix",
        "cut the text by its length",
    ),
)
# Names of Python's own modules.
NAMES: Mapping[str, tuple[str, str]] = {
    "datetime.UTC": ("3.11", "write datetime.timezone.utc"),
    "enum.StrEnum": ("3.11", "write `class …(str, Enum)`"),
    "functools.cache": ("3.9", "write functools.lru_cache(maxsize=None)"),
    "functools.cached_property": ("3.8", "write a property"),
    "itertools.batched": ("3.12", "cut the list into slices"),
    "itertools.pairwise": ("3.10", "write zip(a, a[1:])"),
    "math.prod": ("3.8", "write functools.reduce(operator.mul, …)"),
    "typing.Annotated": ("3.9", "import it from typing_extensions"),
    "typing.Final": ("3.8", "import it from typing_extensions"),
    "typing.Literal": ("3.8", "import it from typing_extensions"),
    "typing.Protocol": ("3.8", "import it from typing_extensions"),
    "typing.TypedDict": ("3.8", "import it from typing_extensions"),
}


def python_hint(failure: ImportFailure, release: Release, root_dir: Path) -> str:
    """Return why the release's Python does not take it; "" where a later one would not either, or none is known to."""
    # A frame that ran shows that Python has read the file: what it could not read is something else.
    if failure.said.startswith("SyntaxError") and not failure.own_code:
        return _of_grammar(root_dir / failure.path, failure.line, release)
    for said, code, since, what, instead in _SAID:
        if re.match(said, failure.said) and (not code or any(re.search(code, line) for line in failure.code)):
            return _hint(what, since, instead, release)
    names = (subject.name for subject in failure.subjects if subject.kind == NAME and subject.name in NAMES)
    return next((_hint(name, *NAMES[name], release) for name in names), "")


def _hint(what: str, since: str, instead: str, release: Release) -> str:
    if _numbers(since) <= _numbers(release.python_version):
        return ""
    return f"{what} came with Python {since}, and {_runs(release)}: {instead}"


def _of_grammar(path: Path, line: int, release: Release) -> str:
    """Return what is newer in a file that the Python of `mwaa-local` can read, and the release's cannot."""
    if tree_of(path) is None:
        return ""  # wrong for any Python, or for this one too
    try:
        tree_of(path, _numbers(release.python_version))
    except SyntaxError as error:
        if found := _GRAMMAR.match(str(error.msg)):
            what, instead = _OF_GRAMMAR.get(found[1], (found[1], OLDER))
            return _hint(
                what if line in (0, error.lineno) else f"{what} (line {error.lineno})", found[2], instead, release
            )
    return f"later Pythons can read it, but {_runs(release)}: {OLDER}"


def _runs(release: Release) -> str:
    return f"MWAA runs Airflow {release.airflow_version} on Python {release.python_version}"


def _numbers(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
