"""What facts about imported tasks mean for MWAA: findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mwaa_local.check.dags import callable_findings
from mwaa_local.check.dags.command_findings import command_findings
from mwaa_local.check.dags.import_results import ImportedDags, ImportedFile, TaskFact
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.check.dags.template_files import is_brought
from mwaa_local.check.dags.template_findings import NO_FILE, template_finding, word_of
from mwaa_local.finding import NOTE, WARNING, Cause, Finding, in_order
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE

POOL, DAG, POD, MAIL, COMMAND = "pool", "dag", "pod", "mail", "command"  # kinds of facts, of `import_tasks`
MAIL_OPTION = "smtp.smtp_host"
MEANINGS = {
    "missing-pool": "a task wants a pool that is not known here",
    "missing-dag": "a task triggers, or waits for, a DAG that is in no file of the project",
    "executor-config-without-effect": "`executor_config` asks for a pod of Kubernetes, and MWAA's executor is Celery",
    "mail-without-server": "Airflow is to send mail, and nothing names a mail server",
}


@dataclass(frozen=True)
class Defined:
    """What exists beside the DAG files. `has_backend`: a secrets backend may have more connections."""

    pools: frozenset[str] = frozenset()
    has_backend: bool = False


def task_findings(
    imported: ImportedDags, release: Release, project: Project, places: TaskPlaces, defined: Defined
) -> tuple[Finding, ...]:
    """Return the findings on all tasks, by file and line."""
    judge = _Judge(imported, release, project, places, defined)
    return in_order(finding for file in imported.files for finding in judge.of_file(file))


class _Judge:
    def __init__(
        self, imported: ImportedDags, release: Release, project: Project, places: TaskPlaces, defined: Defined
    ) -> None:
        self._release = release
        self._project = project
        self._places = places
        self._defined = defined
        self._dag_ids = {dag_id for file in imported.files for dag_id in file.dag_ids}
        # A file that failed may have the DAG.
        self._knows_all_dags = not imported.problem and not any(file.failures for file in imported.files)

    def of_file(self, file: ImportedFile) -> Iterator[Finding]:
        asked = {item.name for item in file.asked}
        # Such a task fails before its command runs.
        lost = {_template(fact) for fact in file.facts if fact.kind == NO_FILE}
        kept = [fact for fact in file.facts if fact.kind != COMMAND or _template(fact) not in lost]
        for facts in self._grouped(kept):
            first, tasks = facts[0], _tasks(facts)
            if first.kind == COMMAND:
                yield from command_findings(first, tasks, self._project, self._places)
            elif first.kind in callable_findings.KINDS:
                yield callable_findings.callable_finding(first, tasks, self._release)
            elif first.kind == POOL:
                yield from self._pool(first, tasks, asked)
            elif first.kind == DAG:
                yield from self._dag(first, tasks, asked)
            elif first.kind == POD:
                yield self._pod(first, tasks)
            elif first.kind == MAIL:
                yield from self._mail(first)
            else:
                of_placeholder = _is_placeholder(first.what, asked)
                is_file = first.kind == NO_FILE
                brought = is_brought(self._project, first.what, first.detail.splitlines()) if is_file else ""
                yield template_finding(
                    first, tasks, self._release, self._places, of_placeholder=of_placeholder, brought=brought
                )

    def _pool(self, fact: TaskFact, tasks: str, asked: set[str]) -> Iterator[Finding]:
        if fact.what in self._defined.pools or _is_placeholder(fact.what, asked):
            return
        what = f"pool {fact.what} of {tasks} is not known here"
        why = "A task whose pool does not exist is never started, and waits without an error."
        hint = (
            f"put it into {SETTINGS_FILE}, and create it on MWAA, in the web server's Admin menu, before the first run"
        )
        yield self._finding("missing-pool", NOTE, fact, what, why, hint)

    def _dag(self, fact: TaskFact, tasks: str, asked: set[str]) -> Iterator[Finding]:
        if fact.what in self._dag_ids or not self._knows_all_dags or _is_placeholder(fact.what, asked):
            return
        what = f"DAG {fact.what}, which {fact.field} of {tasks} names, is in no file of this project"
        why = "The task fails, or waits until its timeout, unless another project brings the DAG to the environment."
        yield self._finding("missing-dag", NOTE, fact, what, why, "correct the id if it is to be one of this project")

    def _pod(self, fact: TaskFact, tasks: str) -> Finding:
        what = f"executor_config of {tasks} has {fact.what}, which has no effect on MWAA"
        why = (
            "MWAA runs tasks with the Celery executor, in workers of the environment class: a task gets neither the "
            "memory nor the image that a pod would have."
        )
        hint = "remove it; for more memory run the work in ECS or EKS, or choose a larger EnvironmentClass"
        return self._finding("executor-config-without-effect", WARNING, fact, what, why, hint)

    def _mail(self, fact: TaskFact) -> Iterator[Finding]:
        is_option = fact.detail == MAIL_OPTION
        if not is_option and self._defined.has_backend:
            return
        missing = fact.detail if is_option else f"connection {fact.detail}"
        what = f"{fact.what} sends mail, and no {missing} is set here"
        if is_option:
            why = "Airflow then sends it to localhost, and MWAA's containers have no mail server: no mail arrives."
            hint = "set smtp.smtp_host and the other smtp options in AirflowConfigurationOptions, or remove the address"
        else:
            why = "Airflow 3 sends mail by that connection; without it, no mail arrives."
            hint = f"create it on MWAA and put it into {SETTINGS_FILE}, or remove the address"
        found = self._finding("mail-without-server", WARNING if is_option else NOTE, fact, what, why, hint)
        yield replace(found, cause=Cause(f"Airflow is to send mail, and no {missing} is set here"))

    def _grouped(self, facts: Sequence[TaskFact]) -> Iterator[list[TaskFact]]:
        """Yield facts that say the same of several tasks together: of a loop, of `default_args`, of a template file."""
        groups: dict[tuple[object, ...], list[TaskFact]] = {}
        for fact in facts:
            place: tuple[object, ...] = (fact.file, fact.file_line)
            if not fact.file:
                line = self._places.line(fact.path, fact.line, fact.field, word_of(fact))
                place = (fact.path, line, fact.field)
            groups.setdefault((fact.kind, fact.what, fact.detail, *place), []).append(fact)
        yield from groups.values()

    def _finding(self, rule: str, severity: str, fact: TaskFact, what: str, why: str, hint: str) -> Finding:
        line = self._places.line(fact.path, fact.line, fact.field)
        return Finding(rule, severity, fact.path, line, what, why, hint)


def _template(fact: TaskFact) -> tuple[str, str, str]:
    return fact.dag_id, fact.task_id, fact.field


def _tasks(facts: Sequence[TaskFact]) -> str:
    names = list(dict.fromkeys((fact.dag_id, fact.task_id) for fact in facts))
    others = len(names) - 1
    more = f" and {others} {'other' if others == 1 else 'others'}" if others else ""
    return f"task {names[0][1]}{more}"


def _is_placeholder(text: str, asked: set[str]) -> bool:
    """Whether a value may be made of a Variable that is not known here."""
    return any(name in text or name.replace("_", "-") in text for name in asked)
