"""What the rules find in DAG files, compared with a corpus, with their own examples and with Airflow's.

Sources: MWAA user guide; aws/amazon-mwaa-docker-images; Airflow itself, of which the last tests ask real releases.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from mwaa_local.check.dags.air import AIR_RULES, KEPT, air_findings, air_names
from mwaa_local.check.dags.rule import DagRule, findings
from mwaa_local.check.dags.rules import RULES, dag_argument_in_default_args, ecs_argument_in_camel_case
from mwaa_local.check.dags.rules.sensor_holds_slot import DEFAULT_TIMEOUT_S
from mwaa_local.check.dags.source import MAX_SOURCE_BYTES, Source
from mwaa_local.check.dags.task_time import in_words
from mwaa_local.check.dags.values import UNKNOWN
from mwaa_local.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding, Subject
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env
from tests.environments import EACH_GENERATION, LATEST

CORPUS = tuple(sorted((Path(__file__).parents[3] / "corpus" / "dags").glob("*.py")))
EXPECT = "# expect: "
OLD, OLDEST = "2.10.3", "1.10.12"
RULES_DIR = Path(__file__).parents[4] / "mwaa_local" / "check" / "dags" / "rules"
BY_ID = {rule.id: rule for rule in RULES}
# What Airflow's examples do that fails on MWAA in truth: a task for the queue of a Kubernetes executor.
TRUE_ERRORS = {("example_local_kubernetes_executor.py", "queue-not-of-mwaa")}
SOFT_RULES = {"sensor-holds-slot", "start-date-at-parse-time"}  # which Airflow's examples break on purpose
DAG_FILE = """\
from airflow import DAG
from airflow.operators.bash import BashOperator

default_args = {DEFAULT_ARGS}
with DAG("a", default_args=default_args):
    pass
"""


def parsed(text: str, version: str = LATEST, path: str = "dags/a.py") -> Source:
    source = Source.parse(text.encode(), path, Release.load(version))
    assert source is not None, text
    return source


def found(text: str, version: str = LATEST, path: str = "dags/a.py") -> tuple[Finding, ...]:
    return findings(parsed(text, version, path), RULES)


def rules_of(items: tuple[Finding, ...]) -> set[str]:
    return {item.rule for item in items}


def in_default_args(text: str, version: str) -> Finding:
    [finding] = found(DAG_FILE.replace("{DEFAULT_ARGS}", text), version)
    return finding


# The table, and the examples that are its documentation.


def test_rules_are_in_order_and_each_has_a_module_of_its_own() -> None:
    modules = sorted(path.stem for path in RULES_DIR.glob("*.py") if path.stem != "__init__")
    assert [rule.id for rule in RULES] == [name.replace("_", "-") for name in modules]
    assert [rule.id for rule in RULES] == sorted(BY_ID)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_finds_its_bad_example_and_no_rule_finds_its_good_one(rule: DagRule, tmp_path: Path) -> None:
    assert rules_of(found(rule.bad)) == {rule.id}
    assert found(rule.good) == ()
    path = tmp_path / "good.py"
    path.write_text(rule.good)
    assert air_findings([path], tmp_path, Release.load(LATEST), {}) == ()
    assert rule.severity in SEVERITIES
    assert rule.meaning.endswith(".")
    assert rule.why.endswith(".")


# The corpus.


def expected(text: str) -> set[tuple[int, str]]:
    """Return line and rule of each `# expect: rule, rule`; one that stands alone is of the line below."""
    lines = enumerate(text.splitlines(), 1)
    marked = (
        (number + line.strip().startswith("#"), line.split(EXPECT)[1]) for number, line in lines if EXPECT in line
    )
    return {(number, name.strip()) for number, names in marked for name in names.split(",")}


def corpus_findings(path: Path) -> tuple[Finding, ...]:
    release = re.search(r"^# release: (\S+)$", path.read_text(), re.MULTILINE)
    source = Source.read(path, f"dags/{path.name}", Release.load(release[1] if release else LATEST))
    assert source is not None
    return findings(source, RULES)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_corpus_has_the_findings_it_says_and_no_others(path: Path) -> None:
    assert {(item.line, item.rule) for item in corpus_findings(path)} == expected(path.read_text())


def test_corpus_is_large_and_half_of_it_is_without_fault() -> None:
    marked = [path for path in CORPUS if EXPECT in path.read_text()]
    assert len(marked) >= 35
    assert len(CORPUS) - len(marked) >= 25
    assert {name for path in marked for _, name in expected(path.read_text())} == set(BY_ID)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_findings_say_what_why_and_hint_in_a_severity_of_their_rule(path: Path) -> None:
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    for item in corpus_findings(path):
        assert item.what
        assert item.why.endswith(".")
        assert item.hint
        assert "\n" not in item.what + item.hint
        assert order[item.severity] >= order[BY_ID[item.rule].severity]


def test_secrets_are_never_shown() -> None:
    for path in CORPUS:
        if path.stem.startswith("secret_"):
            lines = path.read_text().splitlines()
            for item in corpus_findings(path):
                # Every text on that line that is long enough to be the secret, but the names of things.
                secrets = re.findall(r"[\"'](?:[^\"']*[:@/ ])?([A-Za-z0-9+/_.]{8,})[\"'@]", lines[item.line - 1])
                shown = " ".join((item.what, item.why, item.hint))
                assert not [text for text in secrets if re.search(r"\d", text) and text in shown]


# What differs between releases.


@pytest.mark.parametrize(
    ("version", "outcome"),
    [(LATEST, "the DAG has no schedule and only runs when triggered"), (OLD, "the DAG runs daily")],
)
def test_schedule_in_default_args_says_what_the_dag_does_instead(version: str, outcome: str) -> None:
    finding = in_default_args('{"schedule": "@weekly"}', version)
    assert finding.what == f"schedule in default_args has no effect: {outcome}"
    assert (finding.severity, finding.line) == (WARNING, 4)


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        (LATEST, "without it, Airflow 3 does not catch up on past runs"),
        (OLD, "without it, Airflow 2 runs the DAG for every interval since its start_date"),
    ],
)
def test_catchup_in_default_args_says_what_the_default_is(version: str, outcome: str) -> None:
    assert in_default_args('{"catchup": False}', version).what == f"catchup in default_args has no effect: {outcome}"


def test_schedule_that_the_dag_has_too_is_only_said_to_have_no_effect() -> None:
    text = DAG_FILE.replace("{DEFAULT_ARGS}", '{"schedule": "@daily"}').replace('"a",', '"a", schedule="@daily",')
    assert [item.what for item in found(text)] == ["schedule in default_args has no effect"]
    text = text.replace("schedule", "catchup")
    assert [item.what for item in found(text)] == ["catchup in default_args has no effect"]


def test_schedule_beside_another_argument_of_the_dag_is_still_missing() -> None:
    text = DAG_FILE.replace("{DEFAULT_ARGS}", '{"tags": ["a"], "catchup": True}').replace('"a",', '"a", schedule=None,')
    assert sorted(item.what for item in found(text)) == [
        "catchup in default_args has no effect: without it, Airflow 3 does not catch up on past runs",
        "tags in default_args has no effect",
    ]


def test_concurrency_is_hinted_at_by_the_name_it_has_now() -> None:
    assert "max_active_tasks=" in in_default_args('{"concurrency": 1}', LATEST).hint
    assert "concurrency=" in in_default_args('{"concurrency": 1}', "2.0.2").hint


def test_deferrable_is_only_hinted_at_where_there_is_a_triggerer() -> None:
    text = "from airflow.sensors.python import PythonSensor\nPythonSensor(task_id='a', python_callable=print)\n"
    [new], [old] = found(text), found(text, "2.0.2")
    assert "deferrable=True" in new.hint
    assert "deferrable" not in old.hint
    assert new.what == "PythonSensor holds a worker slot while it waits, for up to 7 days, the default"


@pytest.mark.parametrize(
    ("call", "template"),
    [
        ("Variable.get('a')", "{{ var.value.a }}"),
        ("Variable.get('a', deserialize_json=True)", "{{ var.json.a }}"),
        ("Variable.get('a', deserialize_json=False)", "{{ var.value.a }}"),
        ("Variable.get('a-b')", "{{ var.value.get('a-b') }}"),
        ("Variable.get(open('a').read())", "{{ var.value.NAME }}"),
        ("BaseHook.get_connection('a')", "{{ conn.a.host }}"),
        ("BaseHook.get_connection(conn_id='a-b')", "{{ conn.get('a-b').host }}"),
        ("BaseHook.get_connection(open('a').read())", "{{ conn.NAME.host }}"),
    ],
)
def test_fetch_at_top_level_is_a_note_with_the_template_that_gives_the_same(call: str, template: str) -> None:
    [item] = found(f"from airflow.hooks.base import BaseHook\nfrom airflow.models import Variable\n{call}\n", "2.10.3")
    assert (item.rule, item.severity) == ("variable-at-top-level", NOTE)
    assert template in item.hint


def test_reason_on_default_args_is_of_the_generation() -> None:
    old, new = (in_default_args('{"catchup": False}', version).why for version in ("2.10.3", LATEST))
    assert ("airflow.sdk" in old, "airflow.models" in old) == (False, True)
    assert ("airflow.sdk" in new, "airflow.models" in new) == (True, False)


def test_advice_is_of_what_the_release_has() -> None:
    connection = "from airflow.hooks.base import BaseHook\nBaseHook.get_connection('a')\n"
    [new], [old] = found(connection, "2.2.2"), found(connection, "2.0.2")
    assert "{{ conn.a.host }}" in new.hint
    assert old.hint == "call it within the task"
    long = (
        "from datetime import timedelta\nfrom airflow.operators.bash import BashOperator\n"
        "BashOperator(task_id='a', bash_command='b', execution_timeout=timedelta(days=1))\n"
    )
    [new], [old] = found(long), found(long, "2.0.2")
    assert "deferrable=True" in new.hint
    assert "deferrable" not in old.hint


def test_long_timeout_of_default_args_is_reported_at_the_sensor_that_has_it() -> None:
    text = DAG_FILE.replace("{DEFAULT_ARGS}", '{"timeout": 24 * 60 * 60}').replace(
        "    pass", "    S3KeySensor(task_id='a')"
    )
    [finding] = found(f"from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor\n{text}")
    assert (finding.rule, finding.line) == ("sensor-holds-slot", 7)
    assert finding.what.endswith("for up to 1 day")


def test_queue_named_default_is_the_environments_own_on_airflow_3_only() -> None:
    text = "from airflow.models import BaseOperator\nBaseOperator(task_id='a', queue='default')\n"
    assert found(text) == ()
    [finding] = found(text, OLD)
    assert finding.severity == ERROR
    assert finding.what == "BaseOperator sends tasks to the queue 'default', which MWAA does not have"


def test_camel_case_is_an_error_but_for_airflow_1_which_only_warns() -> None:
    text = (
        "from airflow.contrib.operators.ecs_operator import ECSOperator\nECSOperator(task_id='a', launchType='EC2')\n"
    )
    assert [item.severity for item in found(text)] == [ERROR]
    assert [item.severity for item in found(text, OLDEST)] == [WARNING]


def test_versions_of_a_dag_are_spoken_of_on_airflow_3_only() -> None:
    text = BY_ID["start-date-at-parse-time"].bad
    assert "version of the DAG" in found(text)[0].why
    assert "version of the DAG" not in found(text, OLD)[0].why


def test_names_of_ecs_are_those_of_its_api() -> None:
    """Source: botocore's service model of ECS, whose xform_name is how Airflow spells arguments too."""
    shape = botocore.session.get_session().get_service_model("ecs").operation_model("RunTask").input_shape
    assert shape is not None
    top, inner = set(shape.members), set[str]()
    waiting = [shape.members[name] for name in top]
    while waiting:
        member = waiting.pop()
        inner |= set(getattr(member, "members", {}))
        waiting += [*getattr(member, "members", {}).values(), *([member.member] if member.type_name == "list" else [])]
    snake = ecs_argument_in_camel_case._TO_SNAKE
    assert {name: right for name, right in snake.items() if name in top} == {
        name: xform_name(name) for name in snake if name != "containerOverrides"
    }
    assert set(ecs_argument_in_camel_case._ABSENT) <= top
    assert set(ecs_argument_in_camel_case._TO_CAMEL.values()) <= inner
    assert {right: name for name, right in ecs_argument_in_camel_case._TO_CAMEL.items()}["awsvpcConfiguration"] == (
        "awsvpc_configuration"
    )


@pytest.mark.parametrize(
    ("path", "is_below"), [("dags/a.py", False), ("dags/team/a.py", True), ("dags/team/sub/a.py", True)]
)
def test_folder_above_the_file_is_below_dags_if_the_file_is_deep_enough(path: str, is_below: bool) -> None:
    text = "from pathlib import Path\n(Path(__file__).parents[1] / 'x').write_text('')\n"
    assert bool(found(text, path=path)) is is_below


def test_local_paths_of_one_command_are_reported_one_by_one() -> None:
    text = (
        "from airflow.operators.bash import BashOperator\n"
        "BashOperator(task_id='a', bash_command='cp /home/ana/a.csv /root/b.csv; cp /home/ana/a.csv /tmp')\n"
    )
    assert [item.what for item in found(text)] == [
        "the path /home/ana/a.csv does not exist on MWAA",
        "the path /root/b.csv does not exist on MWAA",
    ]


# What a source tells.


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


# ruff's rules on Airflow.

LEGACY = """\
from datetime import datetime

from airflow import DAG
from airflow.operators.dummy import DummyOperator
from airflow.operators.python import PythonOperator
from airflow.utils.dates import days_ago

dag = DAG("a", schedule_interval="@daily", start_date=days_ago(1))
dag_too = DAG("b", start_date=datetime(2024, 1, 1))
first = DummyOperator(task_id="first", dag=dag)
other = PythonOperator(task_id="second", python_callable=print, dag=dag)
third = PythonOperator(task_id="third", python_callable=print, op_args=[datetime.now()], dag=dag)
"""
FindAir = Callable[..., dict[str, Finding]]


@pytest.fixture
def air(tmp_path: Path) -> FindAir:
    """Write a file and return what ruff's rules find in it, by rule; the last where there are several."""

    def find(
        text: str = LEGACY,
        version: str = LATEST,
        env: dict[str, str] | None = None,
        has: dict[str, bool] | None = None,
    ) -> dict[str, Finding]:
        path = tmp_path / "dags" / "a.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        items = air_findings([path], tmp_path, Release.load(version), env or {}, has)
        return {item.rule: item for item in items}

    return find


def test_names_removed_in_airflow_3_are_warnings_there_and_notes_before(air: FindAir) -> None:
    new, old = air(), air(version=OLD)
    for code in ("ruff-AIR301", "ruff-AIR302"):
        assert (new[code].severity, old[code].severity) == (WARNING, NOTE)
        assert "the upgrade to Airflow 3: " in old[code].hint
        assert "upgrade" not in new[code].hint
    assert new["ruff-AIR302"].path == "dags/a.py"
    assert new["ruff-AIR302"].line == 10
    assert (
        new["ruff-AIR302"].what
        == "`airflow.operators.dummy.DummyOperator` is moved into `standard` provider in Airflow 3.0"
    )
    assert new["ruff-AIR302"].subjects == (Subject("name", "airflow.operators.dummy.DummyOperator"),)


def test_names_that_still_work_are_notes_on_airflow_3_alone(air: FindAir) -> None:
    new, old = air(), air(version=OLD)
    assert {new[code].severity for code in ("ruff-AIR311", "ruff-AIR312")} == {NOTE}
    assert not {"ruff-AIR311", "ruff-AIR312"} & set(old)
    assert new["ruff-AIR311"].what == "`airflow.DAG` is deprecated since Airflow 3.0"


# `what` and `why` must agree, and `hint` must not send anybody to what the release does not have.
@pytest.mark.parametrize(
    ("text", "version", "rule", "what", "why", "hint"),
    [
        (
            "from airflow import Dataset\nDataset('s3://a')\n",
            LATEST,
            "ruff-AIR311",
            "deprecated",
            "still works",
            "airflow.sdk",
        ),
        (
            "from airflow.sdk import DAG\nDAG('a', sla_miss_callback=print, schedule=None)\n",
            LATEST,
            "ruff-AIR311",
            "`sla_miss_callback` has no effect since Airflow 3.0",
            "does nothing with it",
            "deadline alert",
        ),
        (
            "from airflow.utils.dates import days_ago\ndays_ago(1)\n",
            LATEST,
            "ruff-AIR301",
            "removed",
            "no longer has it",
            "write the date itself",
        ),
        (
            "from airflow.sdk import DAG\nDAG('a', default_view='x', schedule=None)\n",
            LATEST,
            "ruff-AIR301",
            "removed",
            "no longer has it",
            "remove it",
        ),
        (
            "from airflow.utils.task_group import TaskGroup\nTaskGroup('a')\n",
            LATEST,
            "ruff-AIR321",
            "moved",
            "Airflow 3.1 moved",
            "use `TaskGroup` from `airflow.sdk`",
        ),
        (
            "from airflow.utils.task_group import TaskGroup\nTaskGroup('a')\n",
            "3.0.6",
            "ruff-AIR321",
            "moved in Airflow 3.1",
            "right on this release",
            "with the upgrade to Airflow 3.1 or later: ",
        ),
        # The provider is in MWAA's image of Airflow 3.
        (
            "from airflow.operators.bash import BashOperator\nBashOperator(task_id='a', bash_command='')\n",
            LATEST,
            "ruff-AIR312",
            "deprecated and moved",
            "still works",
            "use `BashOperator` from `airflow.providers.standard.operators.bash`",
        ),
        (
            "from airflow.operators.bash_operator import BashOperator\nBashOperator(task_id='a')\n",
            OLD,
            "ruff-AIR302",
            "moved into `standard` provider",
            "works on this release",
            "with the upgrade to Airflow 3: use `BashOperator` from `airflow.providers.standard.operators.bash`",
        ),
        # The first can be done at once, the second when there is an Airflow that takes it.
        (
            "from airflow import DAG\nDAG('a', concurrency=1, schedule=None)\n",
            "2.2.2",
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: use `max_active_tasks` instead",
        ),
        (
            "from airflow import DAG\nDAG('a', schedule_interval=None)\n",
            "2.2.2",
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "with the upgrade to Airflow 3: use `schedule` instead",
        ),
        # The provider is in no image of MWAA, and in the constraints of both.
        (
            "from airflow.operators.papermill_operator import PapermillOperator\nPapermillOperator(task_id='a')\n",
            OLD,
            "ruff-AIR302",
            "moved into `papermill` provider",
            "works on this release",
            "before the upgrade to Airflow 3: add apache-airflow-providers-papermill>=1.0.0 to the requirements file",
        ),
        (
            "from airflow.operators.subdag import SubDagOperator\nSubDagOperator(task_id='a')\n",
            OLD,
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: use a TaskGroup",
        ),
        (
            "from airflow.contrib.operators.ecs_operator import ECSOperator\nECSOperator(task_id='a')\n",
            "2.2.2",
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: import it from the provider that has it now",
        ),
        (
            "from airflow.sdk import task\n@task\ndef a(**context):\n    context['execution_date']\n",
            LATEST,
            "ruff-AIR301",
            "`execution_date` is removed",
            "no longer has it",
            "use logical_date",
        ),
        (
            "from airflow.sdk import Asset\nAsset('s3://a/b', {'a': 1})\n",
            LATEST,
            "ruff-AIR303",
            "`Asset` signature is changed",
            "takes other arguments",
            "give extra= by its name",
        ),
        (
            "from airflow.hooks.base_hook import BaseHook\nBaseHook()\n",
            OLD,
            "ruff-AIR301",
            "removed in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: import it from airflow.hooks.base",
        ),
    ],
)
def test_words_of_ruff_do_not_contradict_themselves(
    air: FindAir, text: str, version: str, rule: str, what: str, why: str, hint: str
) -> None:
    found = air(text, version=version)[rule]
    assert what in found.what
    assert why in found.why
    assert hint in found.hint
    assert found.is_for_later == ("the upgrade to Airflow 3: " in hint)


# What the release has, it says itself: ruff knows 3.0 alone, and not what MWAA's image of a release holds.
@pytest.mark.parametrize(
    ("text", "version", "has", "severity", "what", "why", "hint"),
    [
        (  # gone from 3.2 on
            "from airflow.datasets import Dataset\nDataset('s3://a')\n",
            LATEST,
            {"airflow.datasets.Dataset": False, "airflow.sdk.Asset": True},
            WARNING,
            f"Airflow {LATEST} does not have `airflow.datasets.Dataset`",
            "fails where it imports it",
            "use `Asset` from `airflow.sdk`",
        ),
        (
            "from airflow.datasets import Dataset\nDataset('s3://a')\n",
            "3.0.6",
            {"airflow.datasets.Dataset": True, "airflow.sdk.Asset": True},
            NOTE,
            "`airflow.datasets.Dataset` is deprecated since Airflow 3.0",
            "still works",
            "use `Asset` from `airflow.sdk`",
        ),
        (
            "from airflow.operators.python import get_current_context\nget_current_context()\n",
            LATEST,
            {"airflow.operators.python.get_current_context": True, "airflow.sdk.get_current_context": True},
            NOTE,
            "`airflow.operators.python.get_current_context` is deprecated since Airflow 3.0",
            "still works",
            "use `get_current_context` from `airflow.sdk`",
        ),
        (
            "from airflow.utils.dates import days_ago\ndays_ago(1)\n",
            LATEST,
            {"airflow.utils.dates.days_ago": False},
            WARNING,
            "`airflow.utils.dates.days_ago` is removed in Airflow 3.0",
            "no longer has it",
            "write the date itself",
        ),
        (  # the place that Airflow's own warning names
            "from airflow.models.param import Param\nParam(1)\n",
            LATEST,
            {
                "airflow.models.param.Param": True,
                "airflow.sdk.definitions.param.Param": True,
                "airflow.sdk.Param": True,
            },
            NOTE,
            "deprecated",
            "still works",
            "use `Param` from `airflow.sdk`",
        ),
        (
            "import airflow.utils.log.secrets_masker as m\nm()\n",
            LATEST,
            {"airflow.utils.log.secrets_masker": False, "airflow.sdk.execution_time.secrets_masker": False},
            WARNING,
            "removed in Airflow 3.0",
            "no longer has it",
            "see the upgrade guide of Airflow 3",
        ),
        (  # what is elsewhere from 3.1 on may be there already
            "from airflow.utils.task_group import TaskGroup\nTaskGroup('a')\n",
            "3.0.6",
            {"airflow.utils.task_group.TaskGroup": True, "airflow.sdk.TaskGroup": True},
            NOTE,
            "moved in Airflow 3.1",
            "right on this release",
            "use `TaskGroup` from `airflow.sdk`",
        ),
        (
            "from airflow.utils.timezone import utcnow\nutcnow()\n",
            "3.0.6",
            {"airflow.utils.timezone.utcnow": True, "airflow.sdk.timezone.utcnow": False},
            NOTE,
            "moved in Airflow 3.1",
            "right on this release",
            "with the upgrade to Airflow 3.1 or later: use `utcnow` from `airflow.sdk.timezone`",
        ),
        (
            "from airflow.contrib.operators.ecs_operator import ECSOperator\nECSOperator(task_id='a')\n",
            OLD,
            {"airflow.contrib.operators.ecs_operator.ECSOperator": False},
            WARNING,
            f"Airflow {OLD} does not have `airflow.contrib.operators.ecs_operator.ECSOperator`",
            "fails where it imports it",
            "import it from the provider that has it now",
        ),
        (
            "from airflow.utils.helpers import chain\nchain()\n",
            OLD,
            {"airflow.utils.helpers.chain": False, "airflow.sdk.chain": False},
            WARNING,
            f"Airflow {OLD} does not have `airflow.utils.helpers.chain`",
            "fails where it imports it",
            "remove it: this release has no replacement",
        ),
        (  # the project's requirements may bring it
            "from airflow.operators.bash_operator import BashOperator\nBashOperator(task_id='a')\n",
            OLD,
            {
                "airflow.operators.bash_operator.BashOperator": True,
                "airflow.providers.standard.operators.bash.BashOperator": True,
            },
            NOTE,
            "moved into `standard` provider in Airflow 3.0",
            "works on this release",
            "before the upgrade to Airflow 3: use `BashOperator` from `airflow.providers.standard.operators.bash`",
        ),
    ],
)
def test_release_itself_says_which_names_it_has(
    air: FindAir, text: str, version: str, has: dict[str, bool], severity: str, what: str, why: str, hint: str
) -> None:
    [found] = air(text, version=version, has=has).values()
    assert found.severity == severity
    assert what in found.what
    assert why in found.why
    assert found.hint.startswith(hint)


def test_what_airflow_3_has_still_is_no_matter_for_the_upgrade(air: FindAir) -> None:
    text = "from airflow.operators.email import EmailOperator\nEmailOperator(task_id='a')\n"
    assert air(text, version=OLD) == {}


def test_names_to_ask_the_release_for_are_those_told_of_and_those_advised(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("from airflow.models.param import Param\nParam(1)\n")
    assert air_names([path], tmp_path, Release.load(LATEST), {}) == (
        "airflow.models.param.Param",
        "airflow.sdk.Param",
        "airflow.sdk.definitions.param.Param",
    )
    assert air_names([path], tmp_path, Release.load(OLDEST), {}) == ()


def test_dag_without_schedule_is_worth_a_warning_where_it_would_run_daily(air: FindAir) -> None:
    new, old = air()["ruff-AIR002"], air(version=OLD)["ruff-AIR002"]
    assert (new.line, new.severity, old.severity) == (9, NOTE, WARNING)


def test_values_that_change_are_reported_once_by_one_rule(air: FindAir) -> None:
    assert air()["ruff-AIR304"].line == 12
    text = "from datetime import datetime\nfrom airflow.sdk import DAG\n"
    assert air(f"{text}DAG('a', schedule=None, start_date=datetime.now())\n") == {}
    assert "ruff-AIR304" not in air(version=OLD)


def test_airflow_1_has_no_advice_of_ruff(air: FindAir) -> None:
    assert air(version=OLDEST) == {}


def test_each_remark_is_made_once_a_file(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("from airflow import DAG\n" + "DAG('a', schedule=None)\n" * 3)
    items = air_findings([tmp_path / "a.py", tmp_path / "b.py"], tmp_path, Release.load(LATEST), {})
    assert [(item.path, item.line, item.rule) for item in items] == [
        ("a.py", 2, "ruff-AIR311"),
        ("b.py", 2, "ruff-AIR311"),
    ]


def test_users_own_settings_of_ruff_change_nothing(air: FindAir, tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('exclude = ["*"]\n[lint]\nselect = []\n')
    assert set(air(env={"RUFF_OUTPUT_FORMAT": "full", "RUFF_NO_CACHE": "x"})) == set(air())
    assert set(air())


def test_files_without_python_or_without_a_trace_are_left_out(tmp_path: Path) -> None:
    broken, missing = tmp_path / "-broken.py", tmp_path / "missing.py"
    broken.write_text("def (\n")
    good = tmp_path / "dag [1] é.py"
    good.write_text("from airflow import DAG\nDAG('a', schedule=None)\n")
    items = air_findings([broken, missing, good], tmp_path, Release.load(LATEST), {})
    assert [(item.path, item.rule) for item in items] == [("dag [1] é.py", "ruff-AIR311")]
    assert air_findings([], tmp_path, Release.load(LATEST), {}) == ()


def test_schedule_may_be_among_arguments_that_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "dag.py"
    path.write_text("from airflow.sdk import DAG\nMORE = {'schedule': None}\nDAG('a', **MORE)\nDAG('b')\n")
    items = air_findings([path], tmp_path, Release.load(LATEST), {})
    assert [(item.line, item.rule) for item in items] == [(4, "ruff-AIR002")]


def test_every_airflow_rule_of_this_ruff_is_taken_or_left_out_for_a_reason() -> None:
    listed = subprocess.run(
        [find_ruff_bin(), "rule", "--all", "--output-format", "json"], capture_output=True, check=True
    )
    codes = {rule["code"] for rule in json.loads(listed.stdout) if (rule["code"] or "").startswith("AIR")}
    left_out = {
        "AIR001",  # a matter of taste
        "AIR003",  # variable-at-top-level
        "AIR004",  # likewise
        "AIR201",  # likewise
        "AIR202",  # likewise
    }
    assert codes == set(AIR_RULES) | left_out


# Real Airflow.

FACTS_SCRIPT = """
import importlib, inspect, json, logging, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from datetime import datetime
try:
    from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
except ImportError:
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator
    from airflow.sensors.base import BaseSensorOperator
import airflow.providers.amazon.aws.operators.ecs as ecs

operator = getattr(ecs, "EcsRunTaskOperator", None) or ecs.ECSOperator
known = set(inspect.signature(BaseOperator.__init__).parameters)
with DAG("plain", start_date=datetime(2024, 1, 1)) as plain:
    sensor = BaseSensorOperator(task_id="wait")
names = json.loads(sys.argv[1])
refused = []
for name in names:
    try:
        operator(task_id=name, cluster="c", task_definition="t", overrides={}, dag=plain, **{name: "x"})
    except Exception as error:
        refused.append(name)
with DAG("given", start_date=datetime(2024, 1, 1), default_args={
    "schedule": "@weekly", "schedule_interval": "@weekly", "catchup": not plain.catchup, "max_active_runs": 3
}) as given:
    sensor_of_given = BaseSensorOperator(task_id="wait")


def can_import(name):
    module, _, member = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), member)
    except ImportError:
        return False


def schedule(dag):
    return type(dag.timetable).__name__ + str(getattr(dag.timetable, "_delta", ""))


print("FACTS" + json.dumps({
    "parameters": sorted(known),
    "timeout": sensor.timeout if isinstance(sensor.timeout, (int, float)) else sensor.timeout.total_seconds(),
    "mode": sensor.mode,
    "refused": refused,
    "kept": [name for name in json.loads(sys.argv[2]) if can_import(name)],
    "same": [schedule(plain) == schedule(given), plain.catchup == given.catchup,
             plain.max_active_runs == given.max_active_runs],
    "schedule": schedule(plain),
    "catchup": plain.catchup,
}))
"""


@pytest.fixture
def store(tmp_path: Path) -> PackageStore:
    return PackageStore(cache_dir(), make_clean_env(tmp_path))


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_airflows_own_examples_have_no_error_that_is_none(version: str, store: PackageStore) -> None:
    """The examples of Airflow and of its providers, as far as the release's package set has them."""
    release = Release.load(version)
    airflow_dir = store.base(release, lambda _: None).site_packages_dir / "airflow"
    paths = [path for path in sorted(airflow_dir.rglob("*.py")) if "example_dags" in path.parts]
    assert len(paths) > 50
    sources = [Source.read(path, f"dags/{path.name}", release) for path in paths]
    items = [item for source in sources if source is not None for item in findings(source, RULES)]
    errors = {(Path(item.path).name, item.rule) for item in items if item.severity == ERROR}
    assert errors <= TRUE_ERRORS
    assert {item.rule for item in items if item.severity != ERROR} <= SOFT_RULES


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_airflow_does_what_the_rules_say_of_it(version: str, store: PackageStore, tmp_path: Path) -> None:
    environment = store.base(Release.load(version), lambda _: None)
    env = {**make_clean_env(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow"), "PYTHONPATH": ""}
    camel = json.dumps([*ecs_argument_in_camel_case._TOP, *ecs_argument_in_camel_case._ABSENT])
    argv = [str(environment.python_path), "-c", FACTS_SCRIPT, camel, json.dumps(sorted(KEPT))]
    completed = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert "FACTS" in completed.stdout, completed.stderr
    facts = json.loads(completed.stdout.partition("FACTS")[2])
    is_new = version == LATEST
    assert not set(facts["parameters"]) & dag_argument_in_default_args._ARGUMENTS
    assert facts["same"] == [True, True, True]  # what default_args say of the DAG is ignored
    assert facts["catchup"] is not is_new
    assert facts["schedule"] == ("NullTimetable" if is_new else "DeltaDataIntervalTimetable1 day, 0:00:00")
    assert (facts["timeout"], facts["mode"]) == (DEFAULT_TIMEOUT_S, "poke")
    assert facts["refused"] == json.loads(camel)
    assert not is_new or facts["kept"] == sorted(KEPT)


def test_release_of_a_source_may_be_any(tmp_path: Path) -> None:
    """Rules ask a release for what differs; one that is newer than all known ones is no special case."""
    release = replace(Release.load(LATEST), airflow_version="3.9.0")
    for rule in RULES:
        source = Source.parse(rule.bad.encode(), "dags/a.py", release)
        assert source is not None
        assert rules_of(findings(source, RULES)) == {rule.id}
