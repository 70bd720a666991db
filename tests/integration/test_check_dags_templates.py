"""What is said of names in templates, beside what rendering does: with each release's Jinja, and in tasks that ran."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mwaa_local.check.dags.importing import PROBE_PATH
from mwaa_local.check.dags.template_names import context
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env
from tests.environments import LATEST
from tests.integration.test_check_dags_tasks import imported_by

pytestmark = pytest.mark.network

OLDER = ("1.10.12", "2.0.2", "2.2.2", "2.10.3")
EACH = (LATEST, *(pytest.param(version, marks=pytest.mark.full) for version in OLDER))
FAILS, MAY_FAIL, RENDERS, SILENT = "fails", "may-fail", "renders", "silent"
# Template -> what is said of `absent`, a name without a value, where such a name is refused (Airflow 2 and later), and
# where only some uses are (1.10).
FORMS = {
    "{{ absent }}": (FAILS, RENDERS),
    "{{ absent.year }}": (FAILS, FAILS),
    "{{ absent['year'] }}": (FAILS, FAILS),
    "{{ absent() }}": (FAILS, FAILS),
    "{{ absent + 1 }}": (FAILS, FAILS),
    "{{ 1 + absent }}": (FAILS, FAILS),
    "{{ -absent }}": (FAILS, FAILS),
    "{{ absent < 1 }}": (FAILS, FAILS),
    "{{ absent == 1 }}": (FAILS, RENDERS),
    "{{ 'a' == absent }}": (FAILS, RENDERS),
    "{{ known == absent }}": (MAY_FAIL, RENDERS),
    "{{ 'a' ~ absent }}": (FAILS, RENDERS),
    "{{ '%s' % absent }}": (MAY_FAIL, MAY_FAIL),
    "{{ absent or 'x' }}": (FAILS, SILENT),
    "{{ known or absent }}": (MAY_FAIL, RENDERS),
    "{{ not absent }}": (FAILS, SILENT),
    "{% if absent %}a{% endif %}": (FAILS, SILENT),
    "{% if not absent %}a{% endif %}": (FAILS, SILENT),
    "{% if known %}{{ absent }}{% endif %}": (MAY_FAIL, RENDERS),
    "{% if known %}a{% elif absent %}b{% endif %}": (MAY_FAIL, SILENT),
    "{% for a in absent %}{% endfor %}": (FAILS, RENDERS),
    "{% for a in ['x', 'y'] %}{{ absent }}{% endfor %}": (FAILS, RENDERS),
    "{% for a in known %}{{ absent }}{% endfor %}": (MAY_FAIL, RENDERS),
    "{% for absent in ['x'] %}{{ absent }}{% endfor %}": (SILENT, SILENT),
    "{{ absent | upper }}": (FAILS, RENDERS),
    "{{ absent | int }}": (FAILS, FAILS),
    "{{ absent | length }}": (FAILS, RENDERS),
    "{{ absent | map('upper') | list }}": (MAY_FAIL, MAY_FAIL),
    "{{ known | replace('a', absent) }}": (MAY_FAIL, MAY_FAIL),
    # What asks only whether there is a value.
    "{{ absent is defined }}": (SILENT, SILENT),
    "{{ absent is none }}": (RENDERS, RENDERS),
    "{% if absent is none %}a{% endif %}": (RENDERS, SILENT),
    "{{ absent | default('x') }}": (SILENT, SILENT),
    "{{ absent | d }}": (SILENT, SILENT),
    "{% if absent is defined %}{{ absent }}{% endif %}": (SILENT, SILENT),
    "{{ absent if absent is defined else 'x' }}": (SILENT, SILENT),
    "{% if absent is not defined %}a{% else %}{{ absent.b }}{% endif %}": (SILENT, SILENT),
    "{% if absent is undefined or absent == 1 %}a{% endif %}": (SILENT, SILENT),
    # `default` comes too late for what its left side does, and `is defined` too.
    "{{ absent.year | default('x') }}": (FAILS, FAILS),
    "{% if absent.year is defined %}a{% endif %}": (FAILS, FAILS),
    # Names that the template sets.
    "{% set absent = 'x' %}{{ absent }}": (SILENT, SILENT),
    "{% set absent = absent or 'x' %}{{ absent }}": (FAILS, SILENT),
    "{% set absent = absent | default('x') %}{{ absent }}": (SILENT, SILENT),
    "{% set b = absent %}{{ b | default('x') }}": (SILENT, SILENT),
    "{% set b = absent %}{{ b }}": (FAILS, RENDERS),
    "{% set b = absent %}": (RENDERS, RENDERS),
    "{{ absent }}{% set absent = 'x' %}": (FAILS, SILENT),
    "{% with absent = 'x' %}{{ absent }}{% endwith %}": (SILENT, SILENT),
    "{% macro m(absent) %}{{ absent }}{% endmacro %}{{ m(1) }}": (SILENT, SILENT),
    "{% macro m() %}{{ absent }}{% endmacro %}a": (MAY_FAIL, RENDERS),
    # What is handed on may never be looked at.
    "{{ known.get('d', absent) }}": (MAY_FAIL, MAY_FAIL),
    "{{ [absent] }}": (MAY_FAIL, RENDERS),
    "{% if false %}{{ absent }}{% endif %}": (SILENT, SILENT),
    "{# {{ absent }} #}{% raw %}{{ absent }}{% endraw %}": (SILENT, SILENT),
}
# Run by the release's Python. `known` is of several kinds: a template whose use of it fails says nothing of `absent`.
JUDGE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import jinja2, jinja2.meta
from import_template_uses import Uses
from import_template_values import ABSENT, FAILS

OUTCOMES = {0: "renders", 1: "may-fail", 2: "fails"}

class Known(dict):
    def __str__(self):
        return "known"

def judged(text, kind):
    env = jinja2.Environment(undefined=kind)
    tree = env.parse(text)
    uses = Uses(jinja2, env, tree, lambda name: ABSENT if name == "absent" else "", lambda name: False,
                strict=kind is jinja2.StrictUndefined)
    worst = uses.outcome.get("absent")
    is_expected = "absent" in uses.guarded or "absent" in uses.stored
    said = "silent" if worst is None or (is_expected and worst < FAILS) else OUTCOMES[worst]
    rendered = []
    for known in ("known", "", ["a"], [], Known(d="a"), Known()):
        try:
            env.from_string(text).render(known=known)
            rendered.append("")
        except Exception as error:
            rendered.append("{}: {}".format(type(error).__name__, error))
    return said, rendered

forms = json.load(sys.stdin)
print(json.dumps({text: [judged(text, jinja2.StrictUndefined), judged(text, jinja2.Undefined)] for text in forms}))
"""
DAG_FILE = """\
import json
from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash_operator import BashOperator

FORMS = json.loads({forms!r})
DAILY = {{{schedule!r}: "@daily"}}


class Render(BashOperator):
    def execute(self, context):
        told = {{}}
        for text in FORMS:
            try:
                self.render_template(text, context)
                told[text] = ""
            except Exception as error:
                told[text] = str(error)
        with open({answer!r}, "w") as answer:
            json.dump({{"keys": sorted(context), "told": told}}, answer)


with DAG("really", start_date=datetime(2024, 1, 1), **DAILY) as really:
    Render(task_id="render", bash_command="true")

with DAG("forms", start_date=datetime(2024, 1, 1), **DAILY) as forms:
    for number, text in enumerate(FORMS):
        BashOperator(task_id="form_{{}}".format(number), bash_command=text)
"""
# Names that other releases have, or that only code of tasks is given, used so that a missing one fails in each release.
NAMES = (
    "END_DATE.a", "conf.get", "conn.get", "data_interval_start.year", "exception.a", "execution_date.year",
    "expanded_ti_count.a", "inlet_events.a", "latest_date.upper", "logical_date.year", "next_execution_date.a",
    "partition_key.a", "prev_end_date_success.a", "reason.a", "run_id.upper", "task_reschedule_count.real",
    "templates_dict.a", "test_mode.real", "ti.task_id", "triggering_asset_events.a", "triggering_dataset_events.a",
    "try_number.real", "yesterday_ds.upper", "ti.execution_date.year", "dag_run.execution_date.year",
    "dag_run.logical_date", "macros.ds_add(yesterday_ds, 1)", "dag_run.conf.get('d', execution_date)",
    "ds | upper", "nothing | ds", "macros.ds_format(nothing, '%Y', '%m')", "macros.ds_add(nothing, 1)",
)  # fmt: skip


def base_of(version: str, home_dir: Path) -> PythonEnvironment:
    return PackageStore(cache_dir(), make_clean_env(home_dir)).base(Release.load(version), lambda _what: None)


@pytest.mark.parametrize("version", EACH)
def test_what_is_certain_fails_and_what_is_passed_over_renders(version: str, tmp_path: Path) -> None:
    python = base_of(version, tmp_path).python_path
    argv = [str(python), "-B", "-c", JUDGE, str(PROBE_PATH.parent)]
    done = subprocess.run(argv, input=json.dumps(list(FORMS)), capture_output=True, text=True, check=True)
    wrong = []
    for text, answers in json.loads(done.stdout).items():
        for (said, rendered), expected in zip(answers, FORMS[text], strict=True):
            of_absent = [error for error in rendered if "absent" in error]
            holds = all(rendered) if said == FAILS else not of_absent if said in (RENDERS, SILENT) else True
            if said != expected or not holds:
                wrong.append((text, said, expected, rendered))
    assert wrong == []


@pytest.mark.full
@pytest.mark.parametrize("version", [LATEST, *OLDER])
def test_names_are_those_of_a_task_that_ran(version: str, tmp_path: Path) -> None:
    base, home_dir = base_of(version, tmp_path), tmp_path / "airflow"
    release, answer = Release.load(version), tmp_path / "answer.json"
    forms = [f"{{{{ {name} }}}}" for name in NAMES]
    schedule = "schedule" if release.is_at_least("2.4.0") else "schedule_interval"
    text = DAG_FILE.format(forms=json.dumps(forms), schedule=schedule, answer=str(answer))
    for folder in (home_dir / "dags", tmp_path / "project" / "dags"):
        folder.mkdir(parents=True)
        (folder / "forms.py").write_text(text, encoding="utf-8")
    env = {"AIRFLOW_HOME": str(home_dir), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PATH": "/usr/bin:/bin"}
    is_old, is_new = not release.is_at_least("2.0.0"), release.is_at_least("3.0.0")
    database = ["initdb"] if is_old else ["db", "migrate" if release.is_at_least("2.7.0") else "init"]
    one = ["test"] if is_old else ["tasks", "test"]
    day = ["2024-01-02"]
    for words in (database, ["dags", "test", "really", *day] if is_new else [*one, "really", "render", *day]):
        subprocess.run([str(base.python_path), str(base.dir / "bin" / "airflow"), *words], env=env, check=True)
    told = json.loads(answer.read_text())
    assert sorted(set(told["keys"])) == context(release)
    [file] = imported_by(Project(tmp_path / "project"), version, tmp_path).files
    told_of = {fact.task_id: fact.certain for fact in file.facts if fact.kind != "watched" or is_new}
    for number, form in enumerate(forms):
        error, task_id = told["told"][form], f"form_{number}"
        is_missing = "' is undefined" in error or (is_new and "has no attribute 'execution_date'" in error)
        assert error or not told_of.get(task_id), form
        assert task_id in told_of or not is_missing, (form, error)
