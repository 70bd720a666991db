"""Inside a release's interpreter: what rendering a template does with names that have no value.

A tree of Jinja is gone through as its rendering would, with values of which only is known whether they are undefined.
Nothing is called and nothing rendered. Runs on Python 3.7 and Jinja 2.11 too.

Source: jinja2.runtime.Undefined and StrictUndefined, jinja2.tests and jinja2.filters of 2.11.2 to 3.1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

ABSENT, SOMETIMES = "absent", "sometimes"  # whether a name has a value: never, or not in each run
# What becomes of a name; the worst of all its uses.
RENDERS, MAY_FAIL, FAILS = 0, 1, 2
# What is done with a value. Of Undefined itself, on which nothing but the first four fails, and of StrictUndefined.
ATTRIBUTE, CALLED, ARITHMETIC, ORDERED = "attribute", "called", "arithmetic", "ordered"
TEXT, TRUTH, ITERATED, EQUAL, PASSED = "text", "truth", "iterated", "equal", "passed"
FAIL_ALWAYS = frozenset((ATTRIBUTE, CALLED, ARITHMETIC, ORDERED))
FAIL_STRICT = FAIL_ALWAYS | {TEXT, TRUTH, ITERATED, EQUAL}
GUARDING_TESTS = ("defined", "undefined")
GUARDING_FILTERS = ("default", "d")
NO_LOOK = frozenset(
    ("boolean", "callable", "defined", "false", "float", "integer", "mapping", "none", "number", "sameas", "sequence",
     "string", "true", "undefined")
)  # fmt: skip  # tests that only ask what kind of object a value is
# Filters that need the value at once; those of Airflow are in airflow.templates.
TEXT_FILTERS = frozenset(
    ("capitalize", "center", "e", "escape", "format", "join", "length", "count", "list", "lower", "replace",
     "safe", "string", "striptags", "title", "tojson", "trim", "truncate", "upper", "urlencode", "wordcount")
)  # fmt: skip
COUNTING_FILTERS = frozenset(("abs", "float", "indent", "int", "round"))
AIRFLOW_FILTERS = frozenset(("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"))
READING_MACROS = frozenset(("ds_add", "ds_format"))  # of airflow.macros: both read their first argument as text
ORDER = frozenset(("gt", "gteq", "lt", "lteq"))


class Value:
    """What an expression gives. `names`: it is, or `sure` is false and it may be, the undefined value of one of these.

    `absent`: that name never has a value. `truth`: what the expression is in a condition, None where that is not known.
    `inner`: it holds, and is not, what is undefined.
    """

    __slots__ = ("absent", "inner", "names", "sure", "truth")

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        sure: bool = False,
        absent: bool = False,
        truth: bool | None = None,
        inner: bool = False,
    ) -> None:
        self.names = frozenset(names)
        self.sure = sure and bool(self.names)
        self.absent = absent and self.sure
        self.truth = truth
        self.inner = inner


PLAIN = Value()
if TYPE_CHECKING:
    Scope = dict[str, Value]


class Values:
    """How a template uses names without a value. `state` returns ABSENT, SOMETIMES or "" of a name or `ti.start_date`.

    `noted` are names, and dotted ones, to be found though they may have a value.
    """

    def __init__(
        self, jinja: Any, env: Any, state: Callable[[str], str], noted: Callable[[str], bool], *, strict: bool
    ) -> None:
        self._nodes = jinja.nodes
        self._own_filters = _changed_filters(jinja, env)
        self._is_native = any(base.__name__ == "NativeEnvironment" for base in type(env).__mro__)
        self._state = state
        self._noted = noted
        self._fails = FAIL_STRICT if strict else FAIL_ALWAYS
        self._is_strict = strict
        self.outcome: dict[str, int] = {}
        self.node: dict[str, Any] = {}  # where the worst of it happens, or else the first use
        self.guarded: set[str] = set()  # asked for with `is defined` or `default`
        self.stored: set[str] = set()  # set somewhere in the template
        self.seen: dict[str, Any] = {}  # what is noted -> where

    def _value(self, node: Any, scope: Scope, sure: bool) -> Value:
        value: Value = self._method("_of_", node)(node, scope, sure)
        return value

    def _method(self, prefix: str, node: Any) -> Callable[..., Any]:
        """Return the method for a node, or for what it is a kind of: `_of_binexpr` for an addition."""
        names = (prefix + base.__name__.lower() for base in type(node).__mro__)
        found: Callable[..., Any] = getattr(self, next(filter(self._has, names), f"{prefix}other"))
        return found

    def _has(self, name: str) -> bool:
        return hasattr(self, name)

    def _of_other(self, node: Any, scope: Scope, sure: bool) -> Value:
        """Return the value of what holds its parts: a list, a dictionary, an argument."""
        names: set[str] = set()
        for child in node.iter_child_nodes():
            names |= self._value(child, scope, sure).names
        return Value(names, inner=True)

    def _of_const(self, node: Any, _scope: Scope, _sure: bool) -> Value:
        return Value(truth=bool(node.value))

    def _of_templatedata(self, node: Any, _scope: Scope, _sure: bool) -> Value:
        return Value(truth=bool(node.data))

    def _of_name(self, node: Any, scope: Scope, _sure: bool) -> Value:
        return scope[node.name] if node.name in scope else self._look_up(node.name, node)

    def _look_up(self, name: str, node: Any) -> Value:
        if self._noted(name):
            self.seen.setdefault(name, node)
        state = self._state(name)
        if not state:
            return PLAIN
        self.outcome.setdefault(name, RENDERS)
        self.node.setdefault(name, node)
        is_absent = state == ABSENT
        return Value([name], sure=True, absent=is_absent, truth=False if is_absent and not self._is_strict else None)

    def _of_getattr(self, node: Any, scope: Scope, sure: bool) -> Value:
        value = self._value(node.node, scope, sure)
        if not node.attr.startswith("__"):
            self._use(value, ATTRIBUTE, node, sure)
        name = "" if value.names else self._dotted(node, scope)
        return self._look_up(name, node) if name else PLAIN

    def _dotted(self, node: Any, scope: Scope) -> str:
        """Return `macros.acme.day` for a member of a name that is not the template's own; "" for others."""
        parts: list[str] = []
        while isinstance(node, self._nodes.Getattr):
            parts.insert(0, node.attr)
            node = node.node
        is_name = isinstance(node, self._nodes.Name) and node.name not in scope
        return ".".join((node.name, *parts)) if is_name else ""

    def _of_getitem(self, node: Any, scope: Scope, sure: bool) -> Value:
        value = self._value(node.node, scope, sure)
        self._use(value, ATTRIBUTE, node, sure and not value.inner)
        self._use(self._value(node.arg, scope, sure), PASSED, node.arg, False)
        return PLAIN

    def _of_call(self, node: Any, scope: Scope, sure: bool) -> Value:
        self._use(self._value(node.node, scope, sure), CALLED, node, sure)
        is_reading = (
            isinstance(node.node, self._nodes.Getattr)
            and node.node.attr in READING_MACROS
            and isinstance(node.node.node, self._nodes.Name)
            and node.node.node.name == "macros"
            and "macros" not in scope
        )
        given = [*node.args, *node.kwargs, *filter(None, (node.dyn_args, node.dyn_kwargs))]
        for number, argument in enumerate(given):
            value = self._value(argument, scope, sure)
            reads = is_reading and number == 0 and number < len(node.args)
            self._use(value, ATTRIBUTE if reads else PASSED, argument, sure and reads)
        return PLAIN

    def _of_filter(self, node: Any, scope: Scope, sure: bool) -> Value:
        value = self._value(node.node, scope, sure) if node.node is not None else PLAIN
        arguments = [self._value(item, scope, sure) for item in (*node.args, *node.kwargs)]
        if node.name in GUARDING_FILTERS and node.name not in self._own_filters:
            self._guard(node.node, value)
            given = arguments[0] if arguments else PLAIN
            if value.absent:
                return given
            return Value(given.names | (frozenset() if value.sure else value.names))
        for item, argument in zip((*node.args, *node.kwargs), arguments):  # noqa: B905 - Python 3.7
            self._use(argument, PASSED, item, False)
        needs = PASSED
        if node.name not in self._own_filters:
            if node.name in COUNTING_FILTERS | AIRFLOW_FILTERS:
                needs = ATTRIBUTE
            elif node.name in TEXT_FILTERS:
                needs = TEXT
        self._use(value, needs, node, sure)
        return PLAIN

    def _of_test(self, node: Any, scope: Scope, sure: bool) -> Value:
        value = self._value(node.node, scope, sure)
        for item in (*node.args, *node.kwargs):
            self._use(self._value(item, scope, sure), PASSED, item, False)
        if node.name in GUARDING_TESTS:
            self._guard(node.node, value)
        if node.name not in NO_LOOK:
            self._use(value, PASSED, node, False)
        is_known = value.absent and node.name in (*GUARDING_TESTS, "none")
        return Value(truth=node.name == "undefined" if is_known else None)

    def _of_and(self, node: Any, scope: Scope, sure: bool) -> Value:
        return self._either(node, scope, sure, goes_on=True)

    def _of_or(self, node: Any, scope: Scope, sure: bool) -> Value:
        return self._either(node, scope, sure, goes_on=False)

    def _either(self, node: Any, scope: Scope, sure: bool, *, goes_on: bool) -> Value:
        """Return the value of `and`, whose right side is looked at where the left is true, or of `or`."""
        left = self._value(node.left, scope, sure)
        self._use(left, TRUTH, node.left, sure)
        if not self._is_strict:
            self._guard(node.left, left)
        if left.truth is not None and left.truth is not goes_on:
            return left
        right = self._value(node.right, scope, sure and left.truth is goes_on)
        if left.truth is goes_on:
            return right
        return Value(left.names | right.names)

    def _of_not(self, node: Any, scope: Scope, sure: bool) -> Value:
        truth = self._condition(node.node, scope, sure)
        return Value(truth=None if truth is None else not truth)

    def _of_compare(self, node: Any, scope: Scope, sure: bool) -> Value:
        left, is_const = node.expr, isinstance(node.expr, self._nodes.Const)
        value = self._value(left, scope, sure)
        for number, operand in enumerate(node.ops):
            is_first = sure and number == 0
            right = self._value(operand.expr, scope, is_first)
            if operand.op in ("in", "notin"):
                has_items = isinstance(operand.expr, (self._nodes.List, self._nodes.Tuple)) and operand.expr.items
                self._use(value, EQUAL, left, is_first and bool(has_items))
                self._use(right, ITERATED, operand.expr, is_first and not right.inner)
            else:
                needs = ORDERED if operand.op in ORDER else EQUAL
                self._use(value, needs, left, is_first)
                self._use(right, needs, operand.expr, is_first and is_const)
            left, value, is_const = operand.expr, right, False
        return PLAIN

    def _of_concat(self, node: Any, scope: Scope, sure: bool) -> Value:
        for child in node.nodes:
            self._use(self._value(child, scope, sure), TEXT, child, sure)
        return PLAIN

    def _of_binexpr(self, node: Any, scope: Scope, sure: bool) -> Value:
        left, right = self._value(node.left, scope, sure), self._value(node.right, scope, sure)
        self._use(left, ARITHMETIC, node.left, sure)
        is_sure = isinstance(node.left, self._nodes.Const) and not isinstance(node, self._nodes.Mod)
        self._use(right, ARITHMETIC, node.right, sure and is_sure)
        return PLAIN

    def _of_unaryexpr(self, node: Any, scope: Scope, sure: bool) -> Value:
        self._use(self._value(node.node, scope, sure), ARITHMETIC, node.node, sure)
        return PLAIN

    def _of_condexpr(self, node: Any, scope: Scope, sure: bool) -> Value:
        truth = self._condition(node.test, scope, sure)
        parts = []
        if truth is not False:
            parts.append(self._value(node.expr1, scope, sure and truth is True))
        if truth is not True and node.expr2 is not None:
            parts.append(self._value(node.expr2, scope, sure and truth is False))
        if len(parts) == 1 and truth is not None:
            return parts[0]
        return Value(name for part in parts for name in part.names)

    def _condition(self, node: Any, scope: Scope, sure: bool) -> bool | None:
        value = self._value(node, scope, sure)
        self._use(value, TRUTH, node, sure)
        if not self._is_strict:  # who asks for a name that may be missing expects it to be
            self._guard(node, value)
        return value.truth

    def _use(self, value: Value, how: str, node: Any, sure: bool) -> None:
        """Note what doing that with a value leads to. `sure`: it is done whenever the template is rendered."""
        fails = how in self._fails
        if not fails and how != PASSED:
            return
        for name in value.names:
            worst = FAILS if fails and sure and value.sure and not value.inner else MAY_FAIL
            if worst > self.outcome.get(name, RENDERS):
                self.outcome[name] = worst
                self.node[name] = node if getattr(node, "lineno", 0) else self.node[name]

    def _guard(self, node: Any, value: Value) -> None:
        """Note that the template asks for the names in an expression, and so expects that they may be missing."""
        self.guarded |= value.names
        for name in [] if node is None else all_of(node, self._nodes.Name):
            self.guarded.add(name.name)
        for item in [] if node is None else all_of(node, self._nodes.Getattr):
            if isinstance(item.node, self._nodes.Name):
                self.guarded.add(f"{item.node.name}.{item.attr}")

    def _store(self, target: Any, value: Value, scope: Scope) -> None:
        nodes = self._nodes
        if isinstance(target, nodes.Name):
            self._keep(target.name, value, scope)
        else:
            for name in target.find_all(nodes.Name):
                self._keep(name.name, Value(value.names), scope)

    def _keep(self, name: str, value: Value, scope: Scope) -> None:
        self.stored.add(name)
        scope[name] = value

    def _merge(self, scope: Scope, ends: list[Scope]) -> None:
        """Take over what branches set; a name that only some of them set may have either value."""
        for name in {name for end in ends for name in end}:
            given = [end[name] for end in ends if name in end]
            is_same = len(given) == len(ends) and all(value is given[0] for value in given)
            scope[name] = given[0] if is_same else Value(name for value in given for name in value.names)


def all_of(node: Any, kind: Any) -> Iterator[Any]:
    """Yield the nodes of a kind, the node itself included."""
    if isinstance(node, kind):
        yield node
    yield from node.find_all(kind)


def _changed_filters(jinja: Any, env: Any) -> frozenset[str]:
    """Return the names of filters that are neither Jinja's own nor Airflow's."""
    known = jinja.defaults.DEFAULT_FILTERS

    def is_changed(name: str, does: Any) -> bool:
        return does is not known.get(name) and not str(getattr(does, "__module__", "")).startswith("airflow.")

    return frozenset(name for name, does in env.filters.items() if is_changed(name, does))
