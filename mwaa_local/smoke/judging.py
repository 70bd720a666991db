"""Whether a DAG run ended as declared. Pure: rows in, a result out; where logs are is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mwaa_local.dag_run import RunDates
from mwaa_local.database.metadata import Dag, TaskRow
from mwaa_local.smoke.result import NOT_DUE, UNFINISHED, RunResult, TaskResult
from mwaa_local.smoke.selection import Expectations

SUCCESS, FAILED = "success", "failed"
BEGUN_STATES = ("running", "deferred", "up_for_retry", "up_for_reschedule", "restarting")


@dataclass(frozen=True)
class Ended:
    """A run that is over: `state` is Airflow's, NOT_DUE or one of UNFINISHED; `problem` is known where it is not."""

    dag: Dag
    run_id: str
    state: str
    elapsed_s: float
    tasks: Sequence[TaskRow] = ()
    problem: str = ""
    waiting: tuple[str, ...] = ()
    dates: RunDates | None = None


def judge(ended: Ended, expected: Expectations, with_log: Callable[[TaskRow, TaskResult], TaskResult]) -> RunResult:
    """Return how the run ended. `with_log` adds what is known of a task that has a problem, or where its log is."""
    tasks = tuple(with_log(row, _task(row, ended, expected)) for row in ended.tasks)
    return RunResult(
        dag_id=ended.dag.dag_id,
        run_id=ended.run_id,
        file=f"dags/{ended.dag.file}",
        state=ended.state,
        elapsed_s=ended.elapsed_s,
        problem=ended.problem or _problem(ended, expected, tasks),
        waiting=ended.waiting,
        tasks=tasks,
        is_expected_to_fail=expected.concerns(ended.dag.dag_id),
        dates=ended.dates,
    )


def _problem(ended: Ended, expected: Expectations, tasks: Sequence[TaskResult]) -> str:
    dag_id = ended.dag.dag_id
    if ended.state in UNFINISHED:
        return ended.state
    if ended.state == NOT_DUE:
        return ""
    missing = sorted(
        task_id
        for dag, task_id in expected.tasks
        if dag == dag_id and task_id not in {row.task_id for row in ended.tasks}
    )
    if missing:
        return f"--expect-failure {dag_id}.{missing[0]}: the DAG has no such task"
    if dag_id in expected.dags:
        return "" if ended.state == FAILED else "succeeded, but was declared with --expect-failure"
    wrong = [task for task in tasks if not task.is_ok]
    if wrong:
        names = ", ".join(task.name for task in wrong)
        return f"{names}: {wrong[0].problem}" if len(wrong) == 1 else f"not as declared: {names}"
    declared_tasks = any(dag == dag_id for dag, _ in expected.tasks)
    if ended.state == FAILED and not declared_tasks:
        return "the run failed, but none of its tasks did"
    return ""


def _task(row: TaskRow, ended: Ended, expected: Expectations) -> TaskResult:
    problem = _task_problem(row, ended, expected)
    return TaskResult(row.name, row.state, row.tries, row.max_tries, row.elapsed_s, row.operator, not problem, problem)


def _task_problem(row: TaskRow, ended: Ended, expected: Expectations) -> str:
    if ended.state in UNFINISHED and not row.is_final:
        return f"{row.state} when its run was given up" if row.state in BEGUN_STATES else ""
    if row.dag_id in expected.dags:
        return ""
    if (row.dag_id, row.task_id) in expected.tasks:
        return "succeeded, but was declared with --expect-failure" if row.state == SUCCESS else ""
    if row.state == FAILED and not row.elapsed_s:
        return "failed before it began: see the logs of worker and scheduler"
    if row.state == FAILED:
        return f"failed after {row.tries} tries" if row.tries > 1 else "failed"
    return ""
