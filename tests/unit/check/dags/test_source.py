"""What a source tells to the rules: names, values and durations, however the file is written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mwaa_local.check.dags.rule import findings
from mwaa_local.check.dags.rules import RULES
from mwaa_local.check.dags.source import MAX_SOURCE_BYTES, Source
from mwaa_local.check.dags.task_time import in_words
from mwaa_local.check.dags.values import UNKNOWN
from mwaa_local.release import Release
from tests.environments import LATEST
from tests.unit.check.dags.dag_sources import CORPUS, OLD, found, parsed, rules_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from a.b import C as D\nD", "a.b.C"),
        ("import a.b.c\na.b.c.D", "a.b.c.D"),
        ("import a.b as x\nx.C", "a.b.C"),
        ("from a import b\nB = b.C\nB", "a.b.C"),
        ("from a import Hook\nh = Hook('x')\nh.get", "a.Hook().get"),
        ("from . import a\na.b", "..a.b"),
        ("def f(open):\n    pass\nopen", "open"),
        ("x = 1\nx", ""),
        ("[1][0].a", ""),
    ],
)
def test_name_is_followed_to_where_it_comes_from(text: str, name: str) -> None:
    source = parsed(text)
    last = source.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert source.full_name(last.value) == name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60 * 60 * 12", 43_200),
        ("timedelta(1, 30)", 86_430),
        ("timedelta(days=1, hours=-1)", 82_800),
        ("2 * timedelta(hours=1) + timedelta(minutes=30)", 9_000),
        ("timedelta(hours=1).total_seconds()", 3_600),
        ("duration(weeks=1)", 604_800),
        ("timedelta(hours=1) / 2", 1_800),
        ("LIMIT", 7_200),
        ("timedelta(hours=hours())", None),
        ("hours() * 2", None),
        ("-(2 * LIMIT)", -14_400),
        ("1 / 0", None),
        ("9" * 500, None),
        ("1e200 * 1e200", None),
        ("'60'", None),
        ("True", None),
        ("None", None),
    ],
)
def test_duration_is_reckoned_in_seconds(text: str, seconds: float | None) -> None:
    source = parsed(f"from datetime import timedelta\nfrom pendulum import duration\nLIMIT = 2 * 3600\n{text}")
    last = source.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert source.seconds(last.value) == seconds


@pytest.mark.parametrize(
    ("text", "names", "is_open"),
    [
        ("{'a': 1, 'b': 2}", ["a", "b"], False),
        ("dict(a=1, **{'b': 2})", ["a", "b"], False),
        ("dict({'a': 1}, b=2)", ["a", "b"], False),
        ("{**BASE, 'b': 2}", ["a", "b"], False),
        ("BASE | {'b': 2}", ["a", "b"], False),
        ("BASE.copy()", ["a"], False),
        ("{**loaded(), 'a': 1}", ["a"], True),
        ("{name(): 1}", [], True),
    ],
)
def test_dictionary_is_read_however_it_is_written(text: str, names: list[str], is_open: bool) -> None:
    source = parsed(f"BASE = {{'a': 1}}\n{text}")
    last = source.tree.body[-1]
    assert isinstance(last, ast.Expr)
    entries = source.entries(last.value)
    assert ([item.name for item in entries.items], entries.is_open) == (names, is_open)


def test_text_keeps_what_is_known_of_it() -> None:
    source = parsed("A = 'x/'\nB = f'{A}{c}/z'\nB")
    last = source.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert source.string(last.value) == f"x/{UNKNOWN}/z"


def test_name_that_is_set_twice_is_not_followed() -> None:
    text = "from airflow.operators.bash import BashOperator\nQ = 'a'\nQ = None\nBashOperator(task_id='a', queue=Q)\n"
    assert found(text) == ()
    assert rules_of(found(text.replace("Q = None\n", ""))) == {"queue-not-of-mwaa"}


def test_name_of_a_function_is_not_that_of_another() -> None:
    text = "def f():\n    path = '/tmp/x'\ndef g():\n    path = '/usr/local/airflow/dags/x'\n    open(path, 'w')\n"
    assert [item.line for item in found(text)] == [5]


def test_what_only_type_checkers_see_is_left_out() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    open('/usr/local/airflow/dags/x', 'w')\n"
    assert found(text) == ()
    assert rules_of(found(text.replace("if TYPE", "if not TYPE"))) == {"write-below-dags"}


def test_name_in_a_class_is_not_seen_by_its_methods() -> None:
    text = "class A:\n    path = '/usr/local/airflow/dags/x'\n    def save(self):\n        open(path, 'w')\n"
    assert found(text) == ()


@pytest.mark.parametrize("value", ["MyPassword1", "winter", "x9"])
def test_word_for_a_password_is_a_name_only_without_a_digit(value: str) -> None:
    assert bool(found(f"connect(password='{value}')\n")) is (value != "x9")  # which is too short for one


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("timeout=None", "sensor-holds-slot"),
        ("timeout=86400", "task-longer-than-12h"),
        ("timeout=86400, mode='reschedule'", ""),
        ("timeout=60, execution_timeout=86400", "task-longer-than-12h"),
        ("mode='reschedule', execution_timeout=86400", ""),
        ("deferrable=True, execution_timeout=86400", ""),
    ],
)
def test_wait_of_a_sensor_is_reported_by_one_rule_or_none(arguments: str, rule: str) -> None:
    text = f"from airflow.sensors.python import PythonSensor\nPythonSensor(task_id='a', {arguments})\n"
    assert [item.rule for item in found(text)] == ([rule] if rule else [])


@pytest.mark.parametrize(
    "data",
    [
        b"def (",
        b"x = 1\0",
        b"\xff\xfe\x00",
        b"# coding: klingon\n",
        b"x = '" + b"\xe9" + b"'",
        b"(" * 5000,
        b"-" * 100_000,
    ],
)
def test_file_that_is_no_valid_python_is_no_source(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(data)
    assert Source.read(path, "dags/a.py", Release.load(LATEST)) is None


def test_file_that_cannot_be_read_is_no_source(tmp_path: Path) -> None:
    release = Release.load(LATEST)
    assert Source.read(tmp_path / "none.py", "dags/a.py", release) is None
    assert Source.read(tmp_path, "dags/a.py", release) is None
    large = tmp_path / "large.py"
    large.write_bytes(b"#" * (MAX_SOURCE_BYTES + 1))
    assert Source.read(large, "dags/a.py", release) is None


def test_encoding_of_the_file_is_obeyed() -> None:
    source = Source.parse(b"# coding: latin-1\nx = '\xe9'\n", "dags/a.py", Release.load(LATEST))
    assert source is not None
    assert "é" in source.text


@pytest.mark.parametrize(
    "text",
    [
        "x = " + " + ".join(["'/home/a/b'"] * 800),
        "x = " + "[" * 80 + "]" * 80,
        "x = a" + ".b" * 800,
        "x = a" + "()" * 400,
        "default_args = " + "{**" * 60 + "{}" + "}" * 60,
        "a = b\nb = a\na.c(start_date=a, queue=a, task_id=b)",
        "".join(f"a{n} = a{n + 1}\n" for n in range(300)),
        "if a: pass\n" + "".join(f"elif a == {n}: b = '/home/x/{n}'\n" for n in range(400)),
        "def f(): f()\nf()\n" * 50,
        "timeout = " + "-" * 80 + "1",
        "class A: x = x; y = lambda self, z=x: A.x",
    ],
)
def test_sources_that_are_deep_or_lead_in_circles_are_read_to_the_end(text: str) -> None:
    source = Source.parse(text.encode(), "dags/a.py", Release.load(LATEST))
    if source is not None:
        assert isinstance(findings(source, RULES), tuple)


POOL = [
    node
    for path in CORPUS
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.expr) and not isinstance(node, ast.Starred | ast.Slice)  # which never stand alone
]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CORPUS), st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(POOL)), max_size=8))
def test_rules_never_fail_on_sources_put_together_at_random(path: Path, changes: list[tuple[int, ast.expr]]) -> None:
    tree = ast.parse(path.read_text())
    for place, expr in changes:
        holders = [
            (node, name) for node in ast.walk(tree) for name, old in ast.iter_fields(node) if isinstance(old, ast.expr)
        ]
        node, name = holders[place % len(holders)]
        setattr(node, name, ast.parse(ast.unparse(expr), mode="eval").body)
    source = Source.parse(ast.unparse(tree).encode(), "dags/a.py", Release.load(LATEST))
    if source is not None:
        for item in findings(source, RULES):
            assert 1 <= item.line <= len(source.text.splitlines())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CORPUS), st.integers(0, 5000), st.integers(0, 200), st.text(max_size=8))
def test_rules_never_fail_on_sources_with_a_piece_cut_out(path: Path, start: int, length: int, filler: str) -> None:
    text = path.read_text()
    changed = text[: start % len(text)] + filler + text[start % len(text) + length :]
    source = Source.parse(changed.encode(errors="replace"), "dags/a.py", Release.load(OLD))
    if source is not None:
        findings(source, RULES)


def test_durations_are_said_in_words() -> None:
    assert [in_words(seconds) for seconds in (0.5, 1, 60, 5_400, 43_200, 43_201, 43_260, 86_400, 131_400, 604_800)] == [
        "0.5 seconds",
        "1 second",
        "1 minute",
        "1.5 hours",
        "12 hours",
        "12 hours 1 second",
        "12 hours 1 minute",
        "1 day",
        "1 day 12.5 hours",
        "7 days",
    ]
