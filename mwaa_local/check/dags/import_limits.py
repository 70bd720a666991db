"""The two limits of time on the import of a DAG file: which holds, and which one struck. Pure.

Airflow ends an import after `core.dagbag_import_timeout`; the dag-processor kills the file's process after
`dag_file_processor_timeout`, whatever the first one is (MWAA user guide, "Performance tuning for Apache Airflow").
"""

from __future__ import annotations

from dataclasses import dataclass

IMPORT_OPTION = "core.dagbag_import_timeout"
PROCESSOR_OPTION = "dag_processor.dag_file_processor_timeout"  # before Airflow 3, in the section core
PROCESSOR_TIMEOUT_S = 50.0


@dataclass(frozen=True)
class Limit:
    """One limit, under the name of its option in this release. 0 or less is none, of an import."""

    option: str
    seconds: float

    @property
    def said(self) -> str:
        return f"{self.option} ({self.seconds:g} s)"


DEFAULT_PROCESSOR_LIMIT = Limit(PROCESSOR_OPTION, PROCESSOR_TIMEOUT_S)


@dataclass(frozen=True)
class ImportLimits:
    """Both limits of one file."""

    import_limit: Limit
    processor_limit: Limit

    @property
    def first(self) -> Limit:
        """The limit that a file meets first."""
        limits = [self.processor_limit]
        if self.import_limit.seconds > 0:
            limits.insert(0, self.import_limit)
        return min(limits, key=lambda limit: limit.seconds)

    def struck(self, *, killed: bool) -> Limit:
        """Return the limit that ended a file: with its process, or with an exception in it."""
        return self.processor_limit if killed else self.import_limit

    def to_raise(self, *, killed: bool) -> str:
        """Return which options have to be higher for a file that one of the limits ended, in words.

        A file that was killed although the other limit is lower did not heed it: that one holds as well.
        """
        struck, other = self.struck(killed=killed), self.struck(killed=not killed)
        if killed and 0 < other.seconds <= struck.seconds:
            return f"{struck.option} and {other.option}"
        if not killed:
            return f"{struck.option}, which has an effect up to {other.said}"
        return struck.option
