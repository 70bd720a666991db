"""Which names of a task's context a function surely asks for, by its source."""

from __future__ import annotations

import ast
import sys

import pytest

from mwaa_local.check.dags.importing import PROBE_PATH

sys.path.append(str(PROBE_PATH.parent))

from import_context_uses import ContextUses  # type: ignore[import-not-found]


def uses(body: str) -> ContextUses:
    text = "def f(dag_run=None, ti=None, events=None, **context):\n" + "\n".join(f"    {x}" for x in body.splitlines())
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    return ContextUses(function, {"context"}, {"dag_run", "ti", "events"})


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('return context["a"]', ["a"]),
        ('fill(context)\nreturn context["a"]', []),  # which may put it in
        ('fill(into=context)\nreturn context["a"]', []),
        ('fill(**context)\nreturn context["a"]', ["a"]),  # gets a copy
        ('if V3:\n    sys.exit()\nreturn context["a"]', []),
        ('print(f"{context[\'a\']}", context["ti"].b)', ["a", "ti.b", "ti"]),
        ("return dag_run.a", ["dag_run.a"]),
        ('with open("x") as file:\n    file.write(context["a"])', ["a"]),
        ('for x in context["a"]:\n    print(context["b"])', ["a"]),
        ('now = get_current_context()\nreturn now["a"]', ["a"]),
        ('return get_current_context()["a"]', ["a"]),
        ('if context["a"]:\n    print(context["b"])\nreturn context["c"]', ["a", "c"]),
        # What other releases may be meant by.
        ('if new:\n    return context["a"]\nreturn context["b"]', []),
        ('try:\n    return context["a"]\nexcept KeyError:\n    return context["b"]', []),
        ('match new:\n    case 1:\n        print(context["a"])', []),
        ('with suppress(KeyError):\n    print(context["a"])', []),
        ('return context["a"] if new else context["b"]', []),
        ('return new and context["a"]', []),
        ('print("a" in context)\nreturn context["a"]', []),
        ('context.get("a")\nreturn context["a"]', []),
        ('return context.get("a")', []),
        # What the function itself makes.
        ('context["a"] = 1\nreturn context["a"]', []),
        ('context.update(a=1)\nreturn context["a"]', []),
        ('context = read()\nreturn context["a"]', []),
        ('def g():\n    return context["a"]\nreturn g', []),
        ('return lambda: context["a"]', []),
        ('return [context["a"] for _ in rows]', []),
        ('yield context["a"]', []),
        ('assert hasattr(dag_run, "a")\nreturn dag_run.a', []),
    ],
)
def test_only_what_is_always_asked_counts(body: str, names: list[str]) -> None:
    assert [name for name, _ in uses(body).found()] == names


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("return events.items()", ["events"]),
        ('return events["a"]', ["events"]),
        ("for x in events:\n    print(x)", ["events"]),
        ("print(events)", []),
        ("if events:\n    print(events.items())", []),
        ("return (events or {}).items()", []),
        ("events = events or {}\nreturn events.items()", []),
        ("if events is None:\n    return\nevents.items()", []),
    ],
)
def test_value_that_is_none_fails_where_a_part_of_it_is_used(body: str, names: list[str]) -> None:
    assert [name for name, _ in uses(body).found_of_values()] == names
