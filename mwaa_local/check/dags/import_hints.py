"""What to do about a file that Airflow cannot import: one hint for each kind of reason. Pure but for look-ups."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.check.dags.import_results import (
    DATABASE,
    DATABASE_TOUCH,
    ImportedDags,
    ImportedFile,
    ImportFailure,
    OutsideCall,
)
from mwaa_local.check.dags.option_variables import OptionVariables
from mwaa_local.check.modules.hints import MissingModule, ModuleHints
from mwaa_local.check.modules.places import wanted_module
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.check.requirements.lines import MWAA_HOME
from mwaa_local.delivery import REQUIREMENTS_FILE
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.release import Release

_LOOPBACK = ("127.", "localhost", "::1")
NOWHERE = Path("/dev/null")  # no folder: nothing is below it
_TIMETABLE = re.compile(r"Timetable class '([\w.]+)' is not registered")


@dataclass(frozen=True)
class ProjectFacts:
    """What hints can know of the project, beside what its DAG files did. Without it they know nothing of it."""

    modules: ModuleHints
    options: OptionVariables
    aws: AwsMode = AwsMode.NONE  # which AWS the files can ask here

    @classmethod
    def none(cls, release: Release) -> ProjectFacts:
        return cls(ModuleHints(NOWHERE, release, Requirements(REQUIREMENTS_FILE)), OptionVariables(NOWHERE, release))


@dataclass(frozen=True)
class ImportHints:
    """Says what to do about a failed import."""

    imported: ImportedDags
    release: Release
    facts: ProjectFacts

    def of(self, file: ImportedFile, failure: ImportFailure) -> str:
        """Return the hint; "" where nothing is known."""
        if self.is_for_want_of_paths(failure):
            return f"{MWAA_HOME} cannot be shown on this machine: {self.imported.paths_note}; on MWAA it may be there"
        if failure.of_connection:
            hosts = ", ".join(_hosts(file)) or "a host"
            there = "; it may be reached from MWAA's network" if self.is_for_want_of_network(file, failure) else ""
            return f"a connection at the top level failed ({hosts}): move what needs the network into a task{there}"
        if failure.kind == DATABASE:
            return "move the query into a task, and ask Airflow's REST API there"
        if failure.missing:
            return self.facts.modules.of(_missing(failure))
        if found := _TIMETABLE.search(failure.said):
            return self._timetable(found[1])
        if option := self.facts.options.hint(failure.path, failure.said):
            return option
        return placeholder_hint(file)

    def is_of_this_machine(self, file: ImportedFile, failure: ImportFailure) -> bool:
        """Whether the file may be imported on MWAA although it is not here."""
        return (
            self.is_for_want_of_paths(failure)
            or self.is_for_want_of_network(file, failure)
            or self.is_for_want_of_requirements(failure)
        )

    def is_for_want_of_paths(self, failure: ImportFailure) -> bool:
        """Whether the file may only miss what this machine cannot show of MWAA's home."""
        return bool(self.imported.paths_note) and failure.names_mwaa_home

    def is_for_want_of_requirements(self, failure: ImportFailure) -> bool:
        """Whether the file only misses what requirements bring that this machine cannot install."""
        return bool(failure.missing) and self.facts.modules.may_be_on_mwaa(_missing(failure))

    def hosts_waited_for(self, file: ImportedFile, failure: ImportFailure) -> list[str]:
        """Return the other machines that the line asked at which the file's time ended."""
        here = replace(file, touches=tuple(touch for touch in file.touches if _place(touch) == _place(failure)))
        return [host for host in _hosts(here) if not host.startswith(_LOOPBACK)]

    def is_for_want_of_network(self, file: ImportedFile, failure: ImportFailure) -> bool:
        """Whether the file failed to reach another machine, which MWAA's network may reach."""
        others = [host for host in _hosts(file) if not host.startswith(_LOOPBACK)]
        return failure.of_connection and bool(others)

    def _timetable(self, name: str) -> str:
        """Airflow knows a timetable by its module's name, which is the file's own for what it loads from plugins/."""
        module, _, class_name = name.rpartition(".")
        registered = [item for item in self.imported.timetables if item.rpartition(".")[2] == class_name]
        if not registered:
            return f"register it: a plugin in plugins/ needs `timetables = [{class_name}]`, and {class_name} from there"
        there = registered[0].rpartition(".")[0]
        return (
            f"Airflow knows it as {registered[0]}, by the name of the plugin's file: write "
            f"`from {there} import {class_name}`, not from {module}"
        )


def _place(item: OutsideCall | ImportFailure) -> tuple[str, int]:
    return item.path, item.line


def _missing(failure: ImportFailure) -> MissingModule:
    return MissingModule(failure.missing, wanted_module(failure.missing, failure.trace), failure.path)


def _hosts(file: ImportedFile) -> list[str]:
    return [touch.what for touch in file.touches if touch.kind != DATABASE_TOUCH]


def placeholder_hint(file: ImportedFile) -> str:
    """Return what to do where a placeholder may be the cause; "" where the file asked for none."""
    if not file.asked:
        return ""
    names = ", ".join(dict.fromkeys(f"{asked.kind} {asked.name}" for asked in file.asked))
    return f"a placeholder may have caused it, because there is no {names} here: set a value and check again"
