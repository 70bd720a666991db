"""What the fixtures give: values made from mwaa-local's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_mwaa_local.asking import MwaaLocal

SUCCESS = "success"
IMPORT_RULES = ("dag-import-error", "dag-import-timeout", "dag-import-crash", "provider-module-missing")
DEFAULT_TIMEOUT_S = 600.0
IMPORT_EXIT_CODE, USAGE_EXIT_CODE = 4, 2  # of `mwaa-local smoke`
RUN_EXIT_CODES = (0, 1, 5)  # as expected, failed, timed out: of all of them there is a run to look at


@dataclass(frozen=True)
class ImportedDag:
    """One DAG of the project. `file` is below the project's folder."""

    dag_id: str
    file: str
    tasks: int


@dataclass(frozen=True)
class Dagbag:
    """What importing every DAG file gave: `dags` by id, `import_errors` by file, `import_seconds` by file."""

    dags: Mapping[str, ImportedDag]
    import_errors: Mapping[str, str]
    import_seconds: Mapping[str, float]

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Dagbag:
        found = [
            ImportedDag(dag["dag_id"], file["path"], dag["tasks"]) for file in plain["files"] for dag in file["dags"]
        ]
        errors = [item for item in plain["findings"] if item["rule"] in IMPORT_RULES and item["severity"] == "error"]
        return cls(
            {dag.dag_id: dag for dag in found},
            {item["path"]: "\n".join(filter(None, (item["what"], item["why"]))) for item in errors},
            {file["path"]: file["seconds"] for file in plain["files"]},
        )

    @property
    def dag_ids(self) -> tuple[str, ...]:
        return tuple(sorted(self.dags))


@dataclass(frozen=True)
class TaskRun:
    """One task instance when its run was over. `log` has its last lines where it failed."""

    task_id: str  # mapped ones as `task[0]`
    state: str
    tries: int
    elapsed_s: float
    log: tuple[str, ...]


@dataclass(frozen=True)
class DagRun:
    """One DAG run when it was over. `state` is Airflow's, or `timed out`."""

    dag_id: str
    run_id: str
    state: str
    elapsed_s: float
    tasks: Mapping[str, TaskRun]

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DagRun:
        tasks = [
            TaskRun(task["name"], task["state"], task["tries"], task["elapsed_s"], tuple(task["log"]))
            for task in plain["tasks"]
        ]
        return cls(
            plain["dag_id"],
            plain["run_id"],
            plain["state"],
            plain["elapsed_s"],
            {task.task_id: task for task in tasks},
        )

    @property
    def succeeded(self) -> bool:
        return self.state == SUCCESS

    def described(self) -> str:
        """Return the run as text: how it ended, each task, and the log of what failed."""
        lines = [f"the run of {self.dag_id} ended as {self.state} after {self.elapsed_s:.1f} s"]
        for task in self.tasks.values():
            lines.append(f"  {task.task_id}  {task.state}  try {task.tries}  {task.elapsed_s:.1f} s")
            lines += [f"    | {line}" for line in task.log]
        return "\n".join(lines)


@dataclass(frozen=True)
class MwaaEnvironment:
    """An environment that runs."""

    _mwaa_local: MwaaLocal
    url: str  # of the web server
    airflow_version: str

    def airflow(self, *words: str) -> str:
        """Return what an Airflow command prints: `mwaa_environment.airflow("dags", "list")`."""
        return self._mwaa_local.say("airflow", *words)

    def run_dag(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        expect: str = SUCCESS,
    ) -> DagRun:
        """Return the run when it is over; one that does not end in the state `expect` fails the test."""
        words = ["smoke", dag_id, "--json", "--no-check", "--no-github", "--dag-timeout", str(timeout_s)]
        if conf:
            words += ["--conf", json.dumps(conf)]
        plain = self._mwaa_local.json(*words, accept=(*RUN_EXIT_CODES, IMPORT_EXIT_CODE, USAGE_EXIT_CODE))
        if plain["exit_code"] == IMPORT_EXIT_CODE:  # `dagbag` tells of files that are broken; other DAGs can run
            for problem in plain["import_problems"]:
                words += ["--expect-import-error", problem["path"]]
            plain = self._mwaa_local.json(*words, accept=(*RUN_EXIT_CODES, USAGE_EXIT_CODE))
        if not plain["runs"]:
            error = plain["error"] or {"what": plain["outcome"], "why": ""}
            told = "\n".join(filter(None, (error["what"], error["why"], error.get("hint"))))
            pytest.fail(f"{dag_id} did not run: {told}", pytrace=False)
        run = DagRun.from_json(plain["runs"][0])
        if run.state != expect:
            pytest.fail(run.described(), pytrace=False)
        return run
