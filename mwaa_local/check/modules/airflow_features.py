"""What came with which Airflow, for DAGs that were written for a later one: what to write before. Data, and pure.

Only what has an equivalent, or surely none. `since` is the minor release that brought it. Source: Airflow's release
notes, and the packages of MWAA's releases: the last release before does not have it, the next one has.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mwaa_local.release import Release

NO_ASSETS = "schedule the DAG by time, or let a TriggerDagRunOperator start it"
CLASSIC = "write {} instead of the decorator"
LEAVE_OUT = "leave it out"
NO_MAPPING = "make the tasks in a for loop over a list that is known when the file is loaded"
NO_SETUP = 'use ordinary tasks; for what has to run in any case, trigger_rule="all_done"'


@dataclass(frozen=True)
class Feature:
    """Something that came with a release of Airflow; `before` is what to write until then."""

    since: str
    before: str

    def hint(self, name: str, release: Release) -> str:
        """Return why a release does not have it, and what to write; "" for a release that should have it."""
        if release.is_at_least(self.since):
            return ""
        return f"{name} came with Airflow {self.since}; on {release.airflow_version}, {self.before}"


# Modules, and names in them. The longest name that fits.
NAMES: Mapping[str, Feature] = {
    "airflow.Dataset": Feature("2.4", NO_ASSETS),
    "airflow.datasets": Feature("2.4", NO_ASSETS),
    "airflow.datasets.DatasetAlias": Feature("2.10", "name the Datasets themselves"),
    "airflow.decorators": Feature("2.0", "write operators, as PythonOperator(python_callable=…)"),
    "airflow.decorators.setup": Feature("2.7", NO_SETUP),
    "airflow.decorators.task_group": Feature("2.1", "write `with TaskGroup(…)`, from airflow.utils.task_group"),
    "airflow.decorators.teardown": Feature("2.7", NO_SETUP),
    "airflow.hooks.base": Feature("2.0", "write `from airflow.hooks.base_hook import BaseHook`"),
    "airflow.io": Feature("2.8", "use the hook of the storage, as S3Hook"),
    "airflow.models.baseoperator.chain": Feature("2.0", "write `from airflow.utils.helpers import chain`"),
    "airflow.models.baseoperator.chain_linear": Feature("2.7", "set the dependencies with >>, list by list"),
    "airflow.models.param": Feature("2.2", "give params plain values"),
    "airflow.notifications": Feature("2.6", "give the callback a function"),
    "airflow.operators.bash": Feature("2.0", "write `from airflow.operators.bash_operator import BashOperator`"),
    "airflow.operators.empty": Feature("2.3", "write `from airflow.operators.dummy import DummyOperator`"),
    "airflow.operators.python": Feature("2.0", "write `from airflow.operators.python_operator import …`"),
    "airflow.operators.python.BranchExternalPythonOperator": Feature(
        "2.7", "let an ExternalPythonOperator return what a BranchPythonOperator chooses by"
    ),
    "airflow.operators.python.BranchPythonVirtualenvOperator": Feature(
        "2.8", "let a PythonVirtualenvOperator return what a BranchPythonOperator chooses by"
    ),
    "airflow.operators.python.ExternalPythonOperator": Feature("2.4", "write PythonVirtualenvOperator"),
    "airflow.timetables.trigger": Feature("2.4", "give schedule_interval the cron expression"),
    "airflow.utils.edgemodifier": Feature("2.1", "leave the labels out"),
    "airflow.utils.task_group": Feature("2.0", "do without the TaskGroup"),
}
# As NAMES, for releases before Airflow 2.
FIRST_NAMES: Mapping[str, Feature] = {
    "airflow.operators.empty": Feature("2.3", "write `from airflow.operators.dummy_operator import DummyOperator`"),
}
# Of `@task.…`.
DECORATORS: Mapping[str, Feature] = {
    "bash": Feature("2.9", CLASSIC.format("BashOperator(bash_command=…)")),
    "branch": Feature("2.3", CLASSIC.format("BranchPythonOperator(python_callable=…)")),
    "branch_external_python": Feature("2.7", "let @task.external_python return what a branch chooses by"),
    "branch_virtualenv": Feature("2.8", "let @task.virtualenv return what a branch chooses by"),
    "external_python": Feature("2.4", "write @task.virtualenv"),
    "sensor": Feature("2.5", CLASSIC.format("PythonSensor(python_callable=…)")),
    "short_circuit": Feature("2.3", CLASSIC.format("ShortCircuitOperator(python_callable=…)")),
}
# Of a task, an operator's class or a function that @task decorates.
MEMBERS: Mapping[str, Feature] = {
    "as_setup": Feature("2.7", NO_SETUP),
    "as_teardown": Feature("2.7", NO_SETUP),
    "expand": Feature("2.3", NO_MAPPING),
    "expand_kwargs": Feature("2.4", NO_MAPPING),
    "partial": Feature("2.3", NO_MAPPING),
}
OF_DAGS: Mapping[str, Feature] = {
    "auto_register": Feature("2.4", LEAVE_OUT),
    "dag_display_name": Feature("2.9", LEAVE_OUT),
    "fail_fast": Feature("3.0", "leave it out (from 2.7 on it is called fail_stop)"),
    "fail_stop": Feature("2.7", LEAVE_OUT),
    "max_active_tasks": Feature("2.2", "write concurrency"),
    "max_consecutive_failed_dag_runs": Feature("2.9", LEAVE_OUT),
    "owner_links": Feature("2.4", LEAVE_OUT),
    "schedule": Feature("2.4", "write schedule_interval"),
    "timetable": Feature("2.2", "write schedule_interval"),
}
# Arguments that each operator has, and those of one class.
OF_TASKS: Mapping[str, Feature] = {
    "executor": Feature("2.10", LEAVE_OUT),
    "logger_name": Feature("2.8", LEAVE_OUT),
    "map_index_template": Feature("2.9", LEAVE_OUT),
    "max_active_tis_per_dag": Feature("2.2", "write task_concurrency"),
    "max_active_tis_per_dagrun": Feature("2.6", "write max_active_tis_per_dag, which counts over all runs"),
    "on_skipped_callback": Feature("2.9", LEAVE_OUT),
    "task_display_name": Feature("2.9", LEAVE_OUT),
}
OF_CLASSES: Mapping[tuple[str, str], Feature] = {
    ("BashOperator", "skip_on_exit_code"): Feature("2.6", "write skip_exit_code, which takes one number"),
    ("ExternalTaskSensor", "deferrable"): Feature("2.7", 'write mode="reschedule"'),
    ("FileSensor", "deferrable"): Feature("2.9", 'write mode="reschedule"'),
    ("TriggerDagRunOperator", "deferrable"): Feature("2.6", LEAVE_OUT),
    ("TriggerDagRunOperator", "logical_date"): Feature("2.9", "write execution_date"),
}
TRIGGER_RULES: Mapping[str, Feature] = {
    "all_done_setup_success": Feature("2.7", "write all_done"),
    "all_skipped": Feature("2.3", "let a BranchPythonOperator decide"),
    "none_failed_min_one_success": Feature("2.2", "write none_failed_or_skipped"),
    "one_done": Feature("2.5", "let a BranchPythonOperator or a sensor decide"),
}

_NO_DECORATOR = re.compile(r"AttributeError: task decorator '(\w+)' not found")
_NO_MEMBER = re.compile(
    r"AttributeError: (?:type object '\w+'|'(?:function|_TaskDecorator|\w*XComArg|\w*Operator|\w*Sensor)' object) "
    r"has no attribute '(\w+)'"
)
_NO_DAG_ARGUMENT = re.compile(r"TypeError: (?:(?:\w+\.)?__init__\(\) )?got an unexpected keyword argument '(\w+)'")
_NO_TASK_ARGUMENTS = re.compile(r"Invalid arguments were passed to (\w+) \(.*?(\{.*)")
_KEY = re.compile(r"'(\w+)':")
_NO_RULE = re.compile(r"trigger_rule must be one of (.*); received '(\w+)'")
_RULE = re.compile(r"'([a-z_]+)'")
_NO_RULE_MEMBER = re.compile(r"type object 'TriggerRule' has no attribute '(\w+)'|AttributeError: ([A-Z_]+)$")
_MAKES_DAG = re.compile(r"\bDAG\s*\(|@(?:\w+\.)*dag\b")


def name_hint(names: tuple[str, ...], release: Release) -> str:
    """Return what to write instead of an import of one of the dotted names; "" where that is not known."""
    table = {**NAMES, **({} if release.is_at_least("2.0") else FIRST_NAMES)}
    for name in names:
        parts = name.split(".")
        beginnings = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        for beginning in beginnings:
            if beginning in table and (hint := table[beginning].hint(beginning, release)):
                return hint
    return ""


def feature_hint(said: str, code: tuple[str, ...], library: str, release: Release) -> str:
    """Return what to write instead of what an exception says that the release does not take; "" where unknown.

    `code` has the lines of source in its traceback, `library` the installed module that did not take it.
    """
    if found := _NO_DECORATOR.search(said):
        return _hint(DECORATORS, found[1], f"@task.{found[1]}", release)
    if found := _NO_RULE.search(said):
        alike = difflib.get_close_matches(found[2], _RULE.findall(found[1]), n=1)
        hint = _hint(TRIGGER_RULES, found[2], f"trigger_rule {found[2]}", release)
        return hint or (f'write trigger_rule="{alike[0]}"' if alike else "")
    if (found := _NO_RULE_MEMBER.search(said)) and any("TriggerRule." in line for line in code):
        name = (found[1] or found[2]).lower()
        return _hint(TRIGGER_RULES, name, f"TriggerRule.{name.upper()}", release)
    if (found := _NO_MEMBER.search(said)) and any(f".{found[1]}(" in line for line in code):
        return _hint(MEMBERS, found[1], f".{found[1]}()", release)
    if found := _NO_TASK_ARGUMENTS.search(said):
        hints = (_task_hint(found[1], argument, release) for argument in _KEY.findall(found[2]))
        return next(filter(None, hints), "")
    if found := _NO_DAG_ARGUMENT.search(said):
        is_of_dag = library == "airflow.models.dag" or any(_MAKES_DAG.search(line) for line in code)
        return _hint(OF_DAGS, found[1], f"{found[1]}= of a DAG", release) if is_of_dag else ""
    return ""


def _hint(table: Mapping[str, Feature], key: str, name: str, release: Release) -> str:
    return table[key].hint(name, release) if key in table else ""


def _task_hint(operator: str, argument: str, release: Release) -> str:
    if feature := OF_CLASSES.get((operator, argument), OF_TASKS.get(argument)):
        return feature.hint(f"{argument}= of {operator}", release)
    if argument != "deferrable":
        return ""
    instead = 'write mode="reschedule"' if operator.endswith("Sensor") else LEAVE_OUT
    return f"this version of {operator} cannot be deferred: {instead}"
