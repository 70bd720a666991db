"""Where each part of a DAG file's syntax tree stands: inside what, in which function, bound to which names.

Not for what names mean in Airflow: that is `source` and `vocabulary`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Scope = ast.AST | None  # a function or a class; None is the module
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Place:
    """Where a node stands. A decorator, a default value and a base class stand outside of what they belong to."""

    parent: ast.AST | None
    scope: Scope


@dataclass(frozen=True)
class Tree:
    """A syntax tree as the rules walk it, parts left out that never run on MWAA."""

    places: dict[ast.AST, Place]  # every node, in the order of the source
    bindings: dict[tuple[Scope, str], list[ast.expr | None]]  # what a name is set to in a scope; None: hard to say
    imports: dict[str, str] = field(default_factory=dict)  # name -> full name; functions' imports are the file's

    @classmethod
    def of(cls, module: ast.Module) -> Tree:
        """Return the tree of a module; written without recursion, as sources may be nested deeply."""
        found = cls({}, {})
        waiting: list[tuple[ast.AST, Place]] = [(module, Place(None, None))]
        while waiting:
            node, place = waiting.pop()
            found.places[node] = place
            found._bind(node, place)
            waiting += reversed(list(_children(node, place)))
        return found

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what the node stands in, from the inside out."""
        parent = self.places[node].parent
        while parent is not None:
            yield parent
            parent = self.places[parent].parent

    def scopes(self, node: ast.AST) -> Iterator[Scope]:
        """Yield the scopes in which Python looks a name up there: a class only from its own body."""
        scope = first = self.places[node].scope
        while scope is not None:
            if scope is first or not isinstance(scope, ast.ClassDef):
                yield scope
            scope = self.places[scope].scope
        yield None

    def bound(self, name: ast.Name) -> tuple[bool, ast.expr | None]:
        """Return whether the file sets the name, other than by an import, and to what, if that is always the same."""
        for scope in self.scopes(name):
            values = self.bindings.get((scope, name.id))
            if values is not None:
                return True, values[0] if len(values) == 1 else None
        return False, None

    def _bind(self, node: ast.AST, place: Place) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                self.imports.setdefault(alias.asname or name, name)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                self.imports.setdefault(alias.asname or alias.name, f"{module}.{alias.name}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self._set(place.scope, node.id, _assigned(node, place.parent))
        elif isinstance(node, ast.arg):
            self._set(place.scope, node.arg, None)
        elif isinstance(node, _NAMED):
            self._set(place.scope, node.name, None)

    def _set(self, scope: Scope, name: str, value: ast.expr | None) -> None:
        self.bindings.setdefault((scope, name), []).append(value)


def _assigned(name: ast.Name, parent: ast.AST | None) -> ast.expr | None:
    """Return what a plain assignment gives the name; None for loops, unpacking and the like."""
    if isinstance(parent, ast.Assign):
        return parent.value if name in parent.targets else None
    return parent.value if isinstance(parent, ast.AnnAssign | ast.NamedExpr) else None


def _children(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    outside, inside = Place(node, place.scope), Place(node, node)
    if isinstance(node, FUNCTIONS):
        arguments = node.args
        defaults = {id(item) for item in (*arguments.defaults, *arguments.kw_defaults)}
        body = {id(item) for item in (node.body if isinstance(node.body, list) else [node.body])}
        for child in _in_order(node):
            if child is arguments:
                parts = ((item, outside if id(item) in defaults else inside) for item in ast.iter_child_nodes(child))
                yield from parts
            else:
                yield child, inside if id(child) in body else outside
    elif isinstance(node, ast.ClassDef):
        body = {id(item) for item in node.body}
        yield from ((child, inside if id(child) in body else outside) for child in _in_order(node))
    elif isinstance(node, ast.If) and (never := _never_run(node)) is not None:
        yield from ((child, outside) for child in _in_order(node) if id(child) not in never)
    else:
        yield from ((child, outside) for child in ast.iter_child_nodes(node))


def _in_order(node: ast.AST) -> list[ast.AST]:
    """Return the children, decorators first, as they stand in the source."""
    decorators = list(getattr(node, "decorator_list", []))
    return [*decorators, *(child for child in ast.iter_child_nodes(node) if child not in decorators)]


def _never_run(node: ast.If) -> set[int] | None:
    """Return the statements that Airflow never runs: below `if __name__ == "__main__"` and `if TYPE_CHECKING`."""
    test = node.test
    is_typing = getattr(test, "attr", getattr(test, "id", "")) == "TYPE_CHECKING"
    is_main = (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
    )
    if is_main:
        return {id(item) for item in node.body}
    # Imports made for type checkers tell what names mean.
    return {id(item) for item in node.body if not isinstance(item, ast.Import | ast.ImportFrom)} if is_typing else None
