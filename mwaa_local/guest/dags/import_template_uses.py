"""Inside a release's interpreter: what rendering a template does with names that have no value, statement by statement.

Runs on Python 3.7 and Jinja 2.11 too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from import_template_values import (  # type: ignore[import-not-found]
    ITERATED,
    PASSED,
    PLAIN,
    TEXT,
    Value,
    Values,
    all_of,
)

if TYPE_CHECKING:
    Scope = dict[str, Value]

HELD_BY_JINJA = ("loop", "caller", "varargs", "kwargs")


class Uses(Values):  # type: ignore[misc]
    """How a template uses names without a value."""

    def __init__(
        self,
        jinja: Any,
        env: Any,
        tree: Any,
        state: Callable[[str], str],
        noted: Callable[[str], bool],
        *,
        strict: bool,
    ) -> None:
        super().__init__(jinja, env, state, noted, strict=strict)
        self.is_extended = tree.find(self._nodes.Extends) is not None
        self._tree = tree
        self._run(tree.body, {}, True)

    def conditions(self) -> frozenset[str]:
        """Return the names that conditions of the template ask for, and those that variables in them are set from."""
        nodes = self._nodes
        asked: set[str] = set()
        for node in self._tree.find_all((nodes.If, nodes.CondExpr, nodes.And, nodes.Or)):
            test = node.left if isinstance(node, (nodes.And, nodes.Or)) else node.test
            asked.update(name.name for name in all_of(test, nodes.Name))
        for node in self._tree.find_all(nodes.Assign):
            if any(name.name in asked for name in all_of(node.target, nodes.Name)):
                asked.update(name.name for name in all_of(node.node, nodes.Name))
        return frozenset(asked)

    def _run(self, statements: Iterable[Any], scope: Scope, sure: bool) -> None:
        for node in statements:
            self._method("_do_", node)(node, scope, sure)

    def _do_other(self, node: Any, scope: Scope, _sure: bool) -> None:
        """Go through a statement of which is not known what it does: of an extension."""
        for child in node.iter_child_nodes():
            if isinstance(child, self._nodes.Expr):
                self._use(self._value(child, scope, False), PASSED, child, False)
            else:
                self._run([child], scope, False)

    def _do_output(self, node: Any, scope: Scope, sure: bool) -> None:
        for child in node.nodes:
            # With render_template_as_native_obj a lone value is handed on as it is.
            self._use(self._value(child, scope, sure), TEXT, child, sure and not self._is_native)

    def _do_exprstmt(self, node: Any, scope: Scope, sure: bool) -> None:
        self._value(node.node, scope, sure)

    def _do_if(self, node: Any, scope: Scope, sure: bool) -> None:
        ends = []
        for branch in (node, *node.elif_):
            truth = self._condition(branch.test, scope, sure)
            if truth is not False:
                ends.append(dict(scope))
                self._run(branch.body, ends[-1], sure and truth is True)
            if truth is True:
                break
            sure = sure and truth is False
        else:
            ends.append(dict(scope))
            self._run(node.else_, ends[-1], sure)
        self._merge(scope, ends)

    def _do_for(self, node: Any, scope: Scope, sure: bool) -> None:
        value = self._value(node.iter, scope, sure)
        self._use(value, ITERATED, node.iter, sure)
        has_items = isinstance(node.iter, (self._nodes.List, self._nodes.Tuple)) and bool(node.iter.items)
        inner = dict(scope)
        inner.update(dict.fromkeys(HELD_BY_JINJA, PLAIN))
        self._store(node.target, Value(value.names if value.inner else ()), inner)
        if node.test is not None:
            self._condition(node.test, inner, False)
        self._run(node.body, inner, sure and has_items and node.test is None)
        self._run(node.else_, dict(scope), False)

    def _do_assign(self, node: Any, scope: Scope, sure: bool) -> None:
        value = self._value(node.node, scope, sure)
        if not isinstance(node.target, self._nodes.Name):
            self._use(value, PASSED, node.node, False)
        self._store(node.target, value, scope)

    def _do_assignblock(self, node: Any, scope: Scope, sure: bool) -> None:
        if getattr(node, "filter", None) is not None:
            self._value(node.filter, scope, False)
        self._run(node.body, dict(scope), sure)
        self._store(node.target, PLAIN, scope)

    def _do_with(self, node: Any, scope: Scope, sure: bool) -> None:
        inner = dict(scope)
        for target, given in zip(node.targets, node.values):  # noqa: B905 - Python 3.7
            self._store(target, self._value(given, scope, sure), inner)
        self._run(node.body, inner, sure)

    def _do_block(self, node: Any, scope: Scope, sure: bool) -> None:
        self._run(node.body, dict(scope), sure)

    _do_scope = _do_block

    def _do_scopedevalcontextmodifier(self, node: Any, scope: Scope, sure: bool) -> None:
        self._run(node.body, scope, sure)

    def _do_filterblock(self, node: Any, scope: Scope, sure: bool) -> None:
        self._value(node.filter, scope, False)
        self._run(node.body, dict(scope), sure)

    def _do_macro(self, node: Any, scope: Scope, _sure: bool) -> None:
        if hasattr(node, "name"):
            self._keep(node.name, PLAIN, scope)
        inner = dict(scope)
        inner.update(dict.fromkeys(HELD_BY_JINJA, PLAIN))
        for default in node.defaults:
            self._use(self._value(default, scope, False), PASSED, default, False)
        for argument in node.args:
            self._store(argument, PLAIN, inner)
        self._run(node.body, inner, False)

    def _do_callblock(self, node: Any, scope: Scope, sure: bool) -> None:
        self._value(node.call, scope, sure)
        self._do_macro(node, scope, False)

    def _do_import(self, node: Any, scope: Scope, sure: bool) -> None:
        self._use(self._value(node.template, scope, sure), PASSED, node, False)
        names = [node.target] if hasattr(node, "target") else getattr(node, "names", [])
        for name in names:
            self._keep(name[1] if isinstance(name, tuple) else name, PLAIN, scope)

    _do_fromimport = _do_include = _do_extends = _do_import
