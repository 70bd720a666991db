"""Source: one parsed DAG file, and what rules ask about it. Nothing is run or imported.

Names are followed through imports, aliases and plain assignments to full dotted names, so that a rule speaks of
`airflow.providers.docker.operators.docker.DockerOperator` however the file spells it.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.check.dags import values
from mwaa_local.check.dags.environment_facts import USUAL, EnvironmentFacts
from mwaa_local.check.dags.tree import FUNCTIONS, Scope, Tree
from mwaa_local.check.dags.values import Entries, Entry
from mwaa_local.release import Release

MAX_SOURCE_BYTES = 2 * 1024 * 1024  # sources that people write are far smaller
MAX_STEPS = 10  # from one name to the next, as in `a = b`, `b = c`
_MAPPED = frozenset(("expand", "expand_kwargs"))
_CONSTRUCTORS = ("__new__", "__init__", "__post_init__")
_OWN_OBJECT = ("self", "cls")
_DAG_DECORATORS = ("dag", "task_group")
# Modules and names of Python's own, whose decorators leave a function what it is.
_PLAIN_DECORATORS = frozenset(
    ("atexit", "classmethod", "contextlib", "functools", "property", "staticmethod", "typing", "warnings")
)
DEFAULT_ARGS = "default_args"
TASK_ID = "task_id"


@dataclass(frozen=True, eq=False)
class Call:
    """A call, or a decorator without brackets. Of `X.partial(…).expand(…)` it is X with the arguments of both."""

    node: ast.expr
    name: str  # in full; "" where it cannot be told
    positional: tuple[ast.expr, ...] = ()
    arguments: Mapping[str, ast.expr] = field(default_factory=dict)
    keywords: tuple[Entry, ...] = ()  # as written in the call itself, each with the place of its name
    is_open: bool = False  # there may be arguments that are not seen: `**something`

    @property
    def last_name(self) -> str:
        return self.name.rpartition(".")[2]

    def argument(self, name: str, position: int | None = None) -> ast.expr | None:
        """Return an argument by its name, or by its place."""
        if name in self.arguments:
            return self.arguments[name]
        return self.positional[position] if position is not None and position < len(self.positional) else None


@dataclass(frozen=True, eq=False)
class Source:
    """A DAG file. `path` is how the user knows it, below the project's folder."""

    path: str
    text: str
    tree: ast.Module
    release: Release
    environment: EnvironmentFacts = USUAL

    @classmethod
    def read(cls, file: Path, path: str, release: Release, environment: EnvironmentFacts = USUAL) -> Source | None:
        """Return the parsed file; None if it cannot be read or is no valid Python, which the import reports."""
        try:
            if not file.is_file():  # a pipe would be waited for
                return None
            with file.open("rb") as opened:
                data = opened.read(MAX_SOURCE_BYTES + 1)
        except OSError:
            return None
        return cls.parse(data, path, release, environment) if len(data) <= MAX_SOURCE_BYTES else None

    @classmethod
    def parse(cls, data: bytes, path: str, release: Release, environment: EnvironmentFacts = USUAL) -> Source | None:
        """Return the source of these bytes; None where they are no valid Python of the Python that runs this."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes such as "\d", which are no mistake here
                return cls(path, importlib.util.decode_source(data), ast.parse(data), release, environment)
        # ValueError: NUL bytes, bytes of another encoding; LookupError: an encoding nobody knows; the others: too deep.
        except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
            return None

    @functools.cached_property
    def places(self) -> Tree:
        return Tree.of(self.tree)

    @functools.cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every part that may run on MWAA, in the order of the source."""
        return tuple(self.places.places)

    @functools.cached_property
    def loads(self) -> Mapping[str, Sequence[ast.Name]]:
        """Where each name is used, in any scope."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
        return found

    def resolve(self, expr: ast.expr) -> ast.expr:
        """Return the expression that a name stands for, where it is set once; else the expression itself."""
        for _ in range(MAX_STEPS):
            if not isinstance(expr, ast.Name) or expr not in self.places.places:
                break
            value = self.places.bound(expr)[1]
            if value is None:
                break
            expr = value
        return expr

    def full_name(self, expr: ast.expr) -> str:
        """Return the dotted name of an expression; `X(…).y` is `X().y`; "" where there is none."""
        parts: list[str] = []
        for _ in range(MAX_STEPS * 10):
            if isinstance(expr, ast.Attribute):
                parts.append(f".{expr.attr}")
                expr = expr.value
            elif isinstance(expr, ast.Call):
                parts.append("()")
                expr = expr.func
            elif isinstance(expr, ast.Name):
                is_bound, value = self.places.bound(expr) if expr in self.places.places else (False, None)
                if not isinstance(value, ast.Name | ast.Attribute | ast.Call):
                    known = self.places.imports.get(expr.id)
                    return (known or ("" if is_bound and not parts else expr.id)) + "".join(reversed(parts))
                expr = value
            else:
                break
        return ""

    def string(self, expr: ast.expr | None) -> str | None:
        """Return the text of an expression, with `values.UNKNOWN` for parts that vary."""
        return None if expr is None else values.text(expr, self.resolve)

    def constant(self, expr: ast.expr | None) -> object:
        """Return the value of a constant expression; Ellipsis for any other, and None for no expression."""
        resolved = expr and self.resolve(expr)
        return resolved.value if isinstance(resolved, ast.Constant) else ... if resolved else None

    def seconds(self, expr: ast.expr | None) -> float | None:
        """Return the seconds of a number or a timedelta."""
        return None if expr is None else values.seconds(expr, self.resolve, self.full_name)

    def entries(self, expr: ast.expr) -> Entries:
        """Return the entries of a dictionary, however it is written."""
        return values.entries(expr, self.resolve, self.full_name)

    @functools.cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every call, and every decorator without brackets."""
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Call):
                found.append(self._call(node))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bare = (item for item in node.decorator_list if not isinstance(item, ast.Call))
                found += [Call(item, self.full_name(item)) for item in bare]
        return tuple(found)

    def _call(self, node: ast.Call) -> Call:
        keywords = [(item, Entries((Entry(item.arg, item.value, item.value),))) for item in node.keywords if item.arg]
        unpacked = [self.entries(item.value) for item in node.keywords if not item.arg]
        arguments = {item.name: item.value for part in unpacked for item in part.items}
        arguments |= {entry.name: entry.value for _, part in keywords for entry in part.items}
        name = self.full_name(node.func)
        is_open = any(part.is_open for part in unpacked)
        if name.endswith(".partial") and (mapped := self._mapped(node)):
            arguments |= {item.arg: item.value for item in mapped.keywords if item.arg}
            is_open = is_open or bool(mapped.args) or any(not item.arg for item in mapped.keywords)
        written = tuple(entry for _, part in keywords for entry in part.items)
        return Call(node, name.removesuffix(".partial"), tuple(node.args), arguments, written, is_open)

    def _mapped(self, partial: ast.Call) -> ast.Call | None:
        """Return the `….expand(…)` that follows `X.partial(…)`."""
        attribute = self.places.places[partial].parent
        call = self.places.places[attribute].parent if attribute else None
        is_mapped = isinstance(attribute, ast.Attribute) and attribute.attr in _MAPPED
        return call if is_mapped and isinstance(call, ast.Call) else None

    @functools.cached_property
    def default_args(self) -> Entries:
        """The entries of every dictionary that is given as `default_args`, or bears that name."""
        given = [call.arguments[DEFAULT_ARGS] for call in self.calls if DEFAULT_ARGS in call.arguments]
        names = {item.id for item in given if isinstance(item, ast.Name)} | {DEFAULT_ARGS}
        parts = {id(expr): self.entries(expr) for expr in (*given, *self._set_as(names))}
        later = list(self._set_later(names))
        unique = {id(item.node): item for part in parts.values() for item in part.items}
        unique |= {id(item.node): item for item in later}
        return Entries(tuple(unique.values()), any(part.is_open for part in parts.values()))

    def _set_as(self, names: set[str]) -> Iterator[ast.expr]:
        for (_, name), assigned in self.places.bindings.items():
            if name in names:
                yield from (value for value in assigned if value is not None)

    def _set_later(self, names: set[str]) -> Iterator[Entry]:
        """Yield what `default_args["x"] = y` and `default_args.update(…)` add."""

        def is_named(expr: ast.expr) -> bool:
            return isinstance(expr, ast.Name) and expr.id in names

        for node in self.nodes:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(node, ast.Assign) and isinstance(target, ast.Subscript) and is_named(target.value):
                name = self.string(target.slice)
                yield from (Entry(name, target, node.value),) if name is not None else ()
            elif isinstance(node, ast.Call) and (owner := _updated(node)) is not None and is_named(owner):
                given = (*node.args, *(item.value for item in node.keywords if not item.arg))
                yield from (item for part in given for item in self.entries(part).items)
                yield from (Entry(item.arg, item.value, item.value) for item in node.keywords if item.arg)

    def runs_at_parse(self, node: ast.AST) -> bool:
        """Whether loading the file runs this: module level, and functions that module level calls."""
        return all(scope in self._parse_scopes for scope in self._functions_around(node))

    def _functions_around(self, node: ast.AST) -> Iterator[ast.AST]:
        scope = self.places.places[node].scope
        while scope is not None:
            if isinstance(scope, FUNCTIONS):
                yield scope
            scope = self.places.places[scope].scope

    @functools.cached_property
    def _parse_scopes(self) -> frozenset[ast.AST]:
        """The functions that run when the file is loaded: those of `@dag`, and those called by what runs then."""
        named = {
            (self.places.places[node].scope, node.name): node
            for node in self.nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        decorators = {
            node: [self.full_name(item).removesuffix("()") for item in node.decorator_list] for node in named.values()
        }
        tasks = {node for node, names in decorators.items() if any(map(may_make_task, names))}
        found: set[ast.AST] = {node for node, names in decorators.items() if any(map(is_dag_decorator, names))}
        called = [
            (node, item) for node in self.nodes if isinstance(node, ast.Call) for item in self._called(node, named)
        ]
        for _ in named:  # each round finds one function more, or is the last
            before = len(found)
            for node, function in called:
                if function not in tasks and all(item in found for item in self._functions_around(node)):
                    found.add(function)
            if len(found) == before:
                break
        return frozenset(found)

    def _called(self, call: ast.Call, named: Mapping[tuple[Scope, str], ast.AST]) -> Iterator[ast.AST]:
        """Yield the functions of the file that a call runs: a function, a method, what makes an object of a class."""
        func, names = call.func, list[tuple[Scope, str]]()
        if isinstance(func, ast.Attribute):
            owner = self._class_of(func.value)
            names = [(owner, func.attr)] if owner is not None else []
        elif (made := self._class_of(call)) is not None:
            names = [(made, name) for name in _CONSTRUCTORS]
        elif isinstance(func, ast.Name):
            names = [(scope, func.id) for scope in self.places.scopes(func) if (scope, func.id) in named][:1]
        yield from (named[item] for item in names if item in named)

    def _class_of(self, expr: ast.expr) -> ast.AST | None:
        """Return the class, if it is the file's, that an expression is, or that its value is made of."""
        resolved = self.resolve(expr)
        name = resolved.func if isinstance(resolved, ast.Call) else resolved
        if not isinstance(name, ast.Name) or name not in self.places.places:
            return None
        if name.id in _OWN_OBJECT:
            function = self.places.places[name].scope
            owner = self.places.places[function].scope if function is not None else None
            return owner if isinstance(owner, ast.ClassDef) else None
        return next(
            (self._classes[scope, name.id] for scope in self.places.scopes(name) if (scope, name.id) in self._classes),
            None,
        )

    @functools.cached_property
    def _classes(self) -> Mapping[tuple[Scope, str], ast.AST]:
        return {
            (self.places.places[node].scope, node.name): node for node in self.nodes if isinstance(node, ast.ClassDef)
        }

    @functools.cached_property
    def tasks(self) -> tuple[Call, ...]:
        """The calls that make tasks: operators, sensors, decorators of TaskFlow."""
        return tuple(call for call in self.calls if _makes_task(call))

    def task_argument(self, call: Call, name: str) -> ast.expr | None:
        """Return an argument of a task, from the call itself or else from the file's default_args."""
        return call.arguments.get(name) or self.default_args.get(name)


def is_task_decorator(name: str) -> bool:
    """Whether a full name is that of `@task` or one of its kinds: `@task.docker`."""
    return name.startswith("airflow.") and "task" in name.split(".")[-2:]


def may_make_task(name: str) -> bool:
    """Whether a decorator of that full name makes a task, or may: one that is not known can be the project's own."""
    if name.startswith("airflow."):
        return is_task_decorator(name)
    return name.partition(".")[0] not in _PLAIN_DECORATORS and name.rpartition(".")[2] not in _DAG_DECORATORS


def is_dag_decorator(name: str) -> bool:
    """Whether a full name is that of `@dag` or `@task_group`, whose functions run when the file is loaded."""
    return name.startswith("airflow.") and name.rpartition(".")[2] in _DAG_DECORATORS


def _updated(call: ast.Call) -> ast.expr | None:
    """Return x of `x.update(…)`."""
    func = call.func
    return func.value if isinstance(func, ast.Attribute) and func.attr == "update" else None


def _makes_task(call: Call) -> bool:
    is_operator = call.last_name.endswith(("Operator", "Sensor", "OperatorAsync", "SensorAsync"))
    known = call.name.startswith("airflow.") and is_operator
    return known or TASK_ID in call.arguments or is_task_decorator(call.name) or (is_operator and call.is_open)
