"""What importing the DAG files means for MWAA: findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mwaa_local.check.asked import asked_finding
from mwaa_local.check.dags.import_results import ImportedDag, ImportedDags, ImportedFile
from mwaa_local.check.dags.lost_dags import lost_findings
from mwaa_local.check.dags.uncalled import uncalled_dags
from mwaa_local.check.failures.failure import (
    DATABASE,
    DATABASE_TOUCH,
    DIED,
    ENDED,
    KILLED,
    TIMEOUT,
    ImportFailure,
    OutsideCall,
)
from mwaa_local.check.failures.hints import ProjectFacts
from mwaa_local.check.failures.judgement import FailureJudge
from mwaa_local.check.failures.placeholders import placeholder_hint
from mwaa_local.check.links import link_finding
from mwaa_local.finding import ERROR, NOTE, WARNING, Cause, Finding, in_order
from mwaa_local.release import Release

SLOW_SHARE = 0.5  # of the time limit: MWAA's scheduler has less to itself than a developer's machine
MEANINGS = {
    "dag-import-error": "Airflow cannot import the file; a warning if it may need something that only MWAA has",
    "dag-import-timeout": "the import takes longer than core.dagbag_import_timeout or dag_file_processor_timeout "
    "allow; a warning if it waited for another host",
    "dag-import-slow": "the import takes more than half of the time that it has",
    "dag-import-crash": "importing the file crashes Python, or takes more memory than the scheduler has; "
    "a warning if a placeholder may be the cause",
    "duplicate-dag-id": "two files have a DAG of the same id: one hides the other",
    "missing-variable": "the file asks for a Variable that is not known here; an error with `--strict`",
    "missing-option": "the file needs an `AIRFLOW__…` variable that neither an option nor the startup script sets",
    "missing-connection": "the file asks for a Connection that is not known here; an error with `--strict`",
    "top-level-database": "the file uses the metadata database at import; a note if Airflow itself does",
    "top-level-network": "the file uses the network at import, also if AWS refuses it here",
    "airflow-deprecation": "Airflow itself warns about something in the file",
    "dag-not-registered": "the file makes a DAG that Airflow does not see",
    "no-dag-in-file": "Airflow reads the file, and there is no DAG in it",
}


def import_findings(
    imported: ImportedDags, release: Release, *, strict: bool, facts: ProjectFacts | None = None
) -> tuple[Finding, ...]:
    """Return the findings, by file and line. `strict`: unknown Variables and Connections are errors."""
    judge = _Judge(imported, release, strict, facts or ProjectFacts.none(release))
    return in_order(judge.findings())


class _Judge:
    def __init__(self, imported: ImportedDags, release: Release, strict: bool, facts: ProjectFacts) -> None:
        self._imported = imported
        self._release = release
        self._strict = strict
        self._known_ids = {dag_id for file in imported.files for dag_id in file.dag_ids}
        facts = replace(facts, paths_note=imported.paths_note, timetables=imported.timetables)
        self._failures = FailureJudge(release, facts, strict=strict)

    def findings(self) -> Iterator[Finding]:
        if self._imported.problem:
            what = f"Airflow {self._release.airflow_version} could not import all DAG files"
            hint = "see `mwaa-local check plugins`: plugins and airflow_local_settings.py are loaded before them"
            yield Finding("dag-import-crash", ERROR, "dags", 0, what, self._imported.problem, hint)
        yield from (link_finding(path, kind) for path, kind in self._imported.links.items())
        for file in self._imported.files:
            yield from self._of_file(file)
        yield from self._duplicates()

    def _of_file(self, file: ImportedFile) -> Iterator[Finding]:
        yield from (self._failure(file, failure) for failure in file.failures)
        yield from (asked_finding(asked, strict=self._strict) for asked in file.asked)
        told = {(item.path, item.line) for item in file.failures if item.kind == DATABASE or item.aws}
        yield from (self._touch(touch) for touch in file.touches if (touch.path, touch.line) not in told)
        for item in file.deprecated:
            what = "Airflow calls this deprecated"
            yield Finding("airflow-deprecation", NOTE, item.path, item.line, what, item.what, subjects=item.subjects)
        lost = [] if file.failures else list(lost_findings(file, self._known_ids, self._release))
        yield from lost
        if not file.dags and not file.failures and not lost:
            yield Finding(
                "no-dag-in-file",
                NOTE,
                file.path,
                0,
                "this file has no DAG, but Airflow reads it",
                "Airflow imports every file that has the words dag and airflow in it, again and again.",
                f"list it in dags/.airflowignore if that is intended; else {self._remedy(file)}",
            )
        if not any(failure.kind in (TIMEOUT, KILLED) for failure in file.failures):
            yield from self._slow(file)

    def _remedy(self, file: ImportedFile) -> str:
        uncalled = uncalled_dags(self._failures.facts.modules.root_dir / file.path)
        if not uncalled:
            return "assign the DAG to a name at the top level"
        return f"call what @dag decorates, at the top level: {', '.join(f'{name}()' for name in uncalled)}"

    def _slow(self, file: ImportedFile) -> Iterator[Finding]:
        limit = self._imported.limits.first
        if 0 < limit.seconds * SLOW_SHARE < file.seconds:
            yield Finding(
                "dag-import-slow",
                WARNING,
                file.path,
                0,
                f"the import takes {file.seconds:.1f} s of the {limit.seconds:g} s that {limit.option} allows",
                "It is repeated for every task and again and again in the scheduler, perhaps on a slower machine.",
                "move work, queries and large imports from the top level into tasks",
            )

    def _failure(self, file: ImportedFile, failure: ImportFailure) -> Finding:
        if failure.kind in (TIMEOUT, KILLED):
            return self._timeout(file, failure)
        if failure.kind in (DIED, ENDED):
            return self._crash(file, failure)
        return self._failures.finding(file, failure)

    def _timeout(self, file: ImportedFile, failure: ImportFailure) -> Finding:
        limits, killed = self._imported.limits, failure.kind == KILLED
        limit = limits.struck(killed=killed)
        hosts = ", ".join(self._failures.hints.hosts_waited_for(file, failure))
        waited = f"\nIt waited for {hosts}, which may answer sooner in MWAA's network." if hosts else ""
        return Finding(
            "dag-import-timeout",
            WARNING if hosts else ERROR,
            failure.path,
            failure.line,
            f"{file.path} was not imported within its time limit",
            f"{failure.text}\n{limit.option} is {limit.seconds:g} s.{waited}",
            f"move work and queries from the top level into tasks, or raise {limits.to_raise(killed=killed)}",
        )

    def _crash(self, file: ImportedFile, failure: ImportFailure) -> Finding:
        what = f"importing {file.path} crashes Python: {failure.heading}"
        why = "\n".join([*failure.trace, "Airflow shows no import error then; the file's DAGs never appear."])
        hint = "move the code that crashes Python or uses up the memory into a task"
        if failure.kind == ENDED and file.asked and not self._strict:  # as a file that refuses a placeholder's value
            return Finding(
                "dag-import-crash", WARNING, failure.path, failure.line, what, why, placeholder_hint(file) or hint
            )
        return Finding("dag-import-crash", ERROR, failure.path, failure.line, what, why, hint)

    def _touch(self, touch: OutsideCall) -> Finding:
        if touch.kind == DATABASE_TOUCH:
            what = f"the {touch.what} is used at import" if " " in touch.what else f"{touch.what} at import"
            rule, goal = "top-level-database", "the metadata database"
        else:
            what, rule, goal = f"{touch.what} is contacted at import", "top-level-network", "the network"
        why = f"It happens each time the file is parsed, and the file's DAGs disappear if {goal} does not answer."
        return Finding(rule, WARNING, touch.path, touch.line, what, why, "move it into a task")

    def _duplicates(self) -> Iterator[Finding]:
        places: dict[str, list[tuple[ImportedFile, ImportedDag]]] = {}
        for file in self._imported.files:
            for dag in file.dags:
                places.setdefault(dag.dag_id, []).append((file, dag))
        for dag_id, found in places.items():
            for file, dag in found if len(found) > 1 else ():
                rivals = [
                    (other, that)
                    for other, that in found
                    if other is not file and not _shows(file, dag, other) and not _shows(other, that, file)
                ]
                if not rivals:
                    continue
                others = ", ".join(_place(other, that) for other, that in rivals)
                yield Finding(
                    "duplicate-dag-id",
                    ERROR,
                    file.path,
                    dag.line,
                    f"DAG id {dag_id} is also in {others}",
                    "Airflow takes the file it read last and hides the other; which one that is changes.",
                    "give each DAG a different id",
                    cause=Cause(f"more than one file has a DAG with the id {dag_id}"),
                )


def _shows(file: ImportedFile, dag: ImportedDag, other: ImportedFile) -> bool:
    """Whether a file only shows a DAG that another one makes."""
    return dag.maker == other.path if dag.maker else other.path in file.loaded and not dag.line


def _place(file: ImportedFile, dag: ImportedDag) -> str:
    return f"{file.path}:{dag.line}" if dag.line else file.path
