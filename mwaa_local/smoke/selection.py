"""Which DAGs are to run, and which failures of a smoke run were declared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mwaa_local.database.metadata import Dag
from mwaa_local.errors import MwaaLocalError
from mwaa_local.naming import listed, suggestion

DAG_FILE_SUFFIXES = (".py", ".zip")


class SelectionWrong(MwaaLocalError):
    """What was asked to run, or was declared, does not exist."""

    exit_code = 2


@dataclass(frozen=True)
class Selection:
    """What the user asked for."""

    dag_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    every: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.dag_ids or self.tags or self.every)

    def require_known(self, dag_ids: Collection[str]) -> None:
        """Raise SelectionWrong if a DAG that was named is not among these."""
        for dag_id in self.dag_ids:
            if dag_id not in dag_ids:
                raise unknown_dag(dag_id, dag_ids)

    def choose(self, dags: Sequence[Dag]) -> list[Dag]:
        """Return the DAGs to run: in the order in which they were named, then by id. Raises SelectionWrong."""
        by_id = {dag.dag_id: dag for dag in dags}
        self.require_known(by_id)
        chosen = {dag_id: by_id[dag_id] for dag_id in self.dag_ids}
        for tag in self.tags:
            tagged = [dag for dag in dags if tag in dag.tags]
            if not tagged:
                tags = {name for dag in dags for name in dag.tags}
                raise SelectionWrong(
                    f"no DAG has the tag {tag!r}", f"Tags that exist: {listed(tag, tags)}.", suggestion(tag, tags)
                )
            chosen.update({dag.dag_id: dag for dag in tagged})
        if self.every:
            chosen.update(by_id)
        if not chosen:
            raise SelectionWrong("there is no DAG to run", "No file in dags/ defines one.")
        return list(chosen.values())


def unknown_dag(dag_id: str, known: Iterable[str], import_errors: Mapping[str, str] | None = None) -> SelectionWrong:
    """Return the error; `import_errors` are files with the traceback of each, where the DAG may be in one of them."""
    names = set(known)
    lines = [f"DAGs that exist: {listed(dag_id, names)}."]
    for path, trace in (import_errors or {}).items():
        lines.append(f"{path} cannot be imported: {(trace.strip().splitlines() or ['no reason given'])[-1]}")
    hint = suggestion(dag_id, names) or ("mwaa-local check dags" if import_errors else "")
    return SelectionWrong(f"no DAG {dag_id!r}", "\n".join(lines), hint)


def require_dag_files(dags_dir: Path) -> None:
    """Raise SelectionWrong where no file could define a DAG."""
    if not any(path.suffix in DAG_FILE_SUFFIXES for path in dags_dir.rglob("*")):
        why = f"There is neither a Python file nor a zip in {dags_dir}."
        raise SelectionWrong("there is no DAG to run", why, "put a DAG file there, or name the project: --project DIR")


@dataclass(frozen=True)
class Expectations:
    """Failures that were declared: of whole DAGs, of tasks as (DAG, task), and of files relative to dags/."""

    dags: frozenset[str] = frozenset()
    tasks: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def read(cls, declared: Iterable[str], running: Iterable[str]) -> Expectations:
        """Return what `DAG_ID` and `DAG_ID.TASK_ID` mean among the DAGs that run; both kinds of ids may have dots.

        Raises SelectionWrong for a DAG that does not run.
        """
        dag_ids = sorted(running, key=len, reverse=True)
        dags, tasks = set(), set()
        for name in declared:
            if name in dag_ids:
                dags.add(name)
                continue
            dag_id = next((dag_id for dag_id in dag_ids if name.startswith(f"{dag_id}.")), None)
            if dag_id is None:
                raise SelectionWrong(
                    f"--expect-failure {name}: no such DAG runs",
                    f"DAGs that run: {listed(name, dag_ids)}.",
                    suggestion(name, dag_ids),
                )
            tasks.add((dag_id, name.removeprefix(f"{dag_id}.")))
        return cls(frozenset(dags), frozenset(tasks))

    def concerns(self, dag_id: str) -> bool:
        return dag_id in self.dags or any(dag == dag_id for dag, _ in self.tasks)


def relative_to_dags(declared: str) -> str:
    """Return a file as Airflow names it: `dags/team/a.py`, `./dags/team/a.py` and `team/a.py` are the same."""
    path = PurePosixPath(declared)
    return str(path.relative_to("dags")) if path.parts[:1] == ("dags",) else str(path)
