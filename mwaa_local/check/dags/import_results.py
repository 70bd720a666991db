"""The results of importing the DAG files, read from the probe's lines. `import_findings` judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.dags.import_limits import DEFAULT_PROCESSOR_LIMIT, IMPORT_OPTION, ImportLimits, Limit
from mwaa_local.check.failures.failure import ImportFailure, OutsideCall, subjects_of
from mwaa_local.check.failures.refused_options import RefusedOption, refused_option
from mwaa_local.finding import Subject


@dataclass(frozen=True)
class ImportedDag:
    """A DAG that Airflow would know.

    `line` is the first that names it; 0 where none does. `maker` is the file whose own code made it, which is another
    one where a file shows what it imports; "" where that is not known.
    """

    dag_id: str
    tasks: int
    line: int
    maker: str = ""


@dataclass(frozen=True)
class LostDag:
    """A DAG that a file made and Airflow does not get; `line` is of the file's top level."""

    dag_id: str
    line: int


@dataclass(frozen=True)
class Deprecated:
    """A deprecation that Airflow warned about, and the line that causes it."""

    what: str
    path: str
    line: int
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class TaskFact:
    """Something about a task that matters on MWAA. Kinds are those of `import_templates` and `import_tasks`.

    Path and line: where the task is made. `file` and `file_line`: of a template file, "" and 0 without one.
    """

    kind: str
    what: str
    certain: bool
    dag_id: str
    task_id: str
    operator: str
    field: str
    path: str
    line: int
    file: str
    file_line: int
    detail: str
    instead: str = ""  # what is probably meant, where that is known from the release


@dataclass(frozen=True)
class ImportedFile:
    """One file. Paths are below the project's folder: `dags/a.py`."""

    path: str
    seconds: float
    dags: tuple[ImportedDag, ...]
    failures: tuple[ImportFailure, ...]
    asked: tuple[AskedValue, ...]
    touches: tuple[OutsideCall, ...]
    deprecated: tuple[Deprecated, ...]
    loaded: tuple[str, ...] = ()  # other files of the user's that were run for it
    facts: tuple[TaskFact, ...] = ()
    lost: tuple[LostDag, ...] = ()
    defaulted: tuple[AskedValue, ...] = ()  # Variables that are not known here, and for which it has a default

    @property
    def dag_ids(self) -> tuple[str, ...]:
        return tuple(dag.dag_id for dag in self.dags)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> ImportedFile:
        """Return the file that a line of the probe describes."""
        return cls(
            path=answer["file"],
            seconds=answer["seconds"],
            dags=tuple(
                ImportedDag(dag["id"], dag["tasks"], dag["line"], dag.get("maker", ""))
                for dag in sorted(answer["dags"], key=lambda dag: (dag["line"], dag["id"]))
            ),
            failures=tuple(ImportFailure.from_answer(item) for item in answer["errors"]),
            asked=tuple(AskedValue(**item) for item in answer["asked"]),
            touches=tuple(OutsideCall(**item) for item in answer["touches"]),
            deprecated=tuple(_deprecated(item) for item in answer["warnings"]),
            loaded=tuple(answer.get("loaded", ())),
            facts=tuple(TaskFact(**item) for item in answer.get("facts", ())),
            lost=tuple(LostDag(item["id"], item["line"]) for item in answer.get("lost", ())),
            defaulted=tuple(AskedValue(**item) for item in answer.get("defaulted", ())),
        )


@dataclass(frozen=True)
class ImportedDags:
    """All files that Airflow would look at, by path. `problem` is why not all of them were imported, or ""."""

    files: tuple[ImportedFile, ...]
    limit_s: float  # core.dagbag_import_timeout; 0 or less is none
    elapsed_s: float
    problem: str = ""
    paths_note: str = ""  # why files do not see MWAA's /usr/local/airflow, or ""
    names: Mapping[str, bool] = field(default_factory=dict)  # dotted name -> whether the release can import it
    links: Mapping[str, str] = field(default_factory=dict)  # path -> kind of `import_links`
    processor_limit: Limit = DEFAULT_PROCESSOR_LIMIT
    timetables: tuple[str, ...] = ()  # that plugins have registered: `lunch_timetable.LunchTimetable`
    plugins_asked: bool = False  # for what MWAA may answer in another way, when they were loaded

    @property
    def refused_option(self) -> RefusedOption | None:
        """The option with which Airflow does not start, so that nothing was imported."""
        return refused_option(self.problem)

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """The ids of the DAGs that were imported, by file."""
        return tuple(dag_id for file in self.files for dag_id in file.dag_ids)

    @property
    def has_all_dags(self) -> bool:
        """Whether these are all; more may come about, as by a Variable that only MWAA or a database has."""
        if self.problem or self.plugins_asked:
            return False
        return not any(file.failures or file.asked or file.defaulted or file.touches for file in self.files)

    @property
    def limits(self) -> ImportLimits:
        return ImportLimits(Limit(IMPORT_OPTION, self.limit_s), self.processor_limit)


def _deprecated(item: Mapping[str, Any]) -> Deprecated:
    return Deprecated(item["what"], item["path"], item["line"], subjects_of(item))
