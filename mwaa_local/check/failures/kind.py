"""Which file failed: a DAG file, or a plugin. What follows for MWAA is the same, and said in other words. Data."""

from __future__ import annotations

from dataclasses import dataclass

DAG_RULES = ("dag-import-error", "top-level-network", "top-level-database")


@dataclass(frozen=True)
class FileKind:
    """The words for one kind of file."""

    failed: str  # how a finding on a failed import begins; `{version}` is Airflow's
    incomplete: str  # … on one that only this machine did not get to the end of
    when: str  # how often Airflow imports it
    lost: str  # what is not there if it fails
    move: str  # where to that does not belong at its top level
    rules: tuple[str, str, str]  # of a failed import, of a call of AWS, of a query
    database_is_refused: bool  # from Airflow 3 on


OF_DAGS = FileKind(
    failed="import error: ",
    incomplete="not imported completely",
    when="each time the file is parsed",
    lost="The file's DAGs disappear",
    move="into a task",
    rules=DAG_RULES,
    database_is_refused=True,
)
NOT_LOADED = "plugin-not-loaded"
OF_PLUGINS = FileKind(
    failed="Airflow {version} cannot load this file: ",
    incomplete="not loaded completely",
    when="each time a component of Airflow starts",
    lost="The plugin is not there",
    move="out of the module's top level",
    rules=(NOT_LOADED, NOT_LOADED, NOT_LOADED),
    database_is_refused=False,
)
