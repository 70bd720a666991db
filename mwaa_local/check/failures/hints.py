"""What to do about a file that Airflow cannot import: one hint for each kind of reason. Pure but for look-ups."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mwaa_local.check.failures.failure import (
    DATABASE,
    DATABASE_TOUCH,
    ImportFailure,
    ImportingFile,
    OutsideCall,
)
from mwaa_local.check.failures.kind import OF_DAGS, FileKind
from mwaa_local.check.failures.placeholders import is_uncertain, placeholder_hint
from mwaa_local.check.failures.python_features import python_hint
from mwaa_local.check.failures.sources import tree_of
from mwaa_local.check.failures.startup_files import StartupFiles
from mwaa_local.check.modules.airflow_features import feature_hint, name_hint
from mwaa_local.check.modules.airflow_removed import removed_hint
from mwaa_local.check.modules.hints import MissingModule, ModuleHints
from mwaa_local.check.modules.places import wanted_module
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.check.requirements.lines import MWAA_HOME
from mwaa_local.delivery import REQUIREMENTS_FILE
from mwaa_local.environment.kinds import AwsChoice, AwsMode
from mwaa_local.finding import ARGUMENT, NAME
from mwaa_local.release import Release

_LOOPBACK = ("127.", "localhost", "::1")
NOWHERE = Path("/dev/null")  # no folder: nothing is below it
_TIMETABLE = re.compile(r"Timetable class '([\w.]+)' is not registered")
# Variables of the service's own that are not set here, as Python names one that is missing.
_SERVICE_VARIABLE = re.compile(r"KeyError: '(MWAA_HOME|MWAA__(?:CORE|DB|SQS|WEBSERVER|HEALTH_MONITORING)__\w+)'")


class OptionHints(Protocol):
    """Knows the options that nobody sets."""

    def hint(self, path: str, said: str) -> str:
        """Return what to set, if that is why an import failed in that file; else ""."""
        ...


class NoOptions:
    """Where nothing is known of options."""

    def hint(self, path: str, said: str) -> str:
        return ""


@dataclass(frozen=True)
class ProjectFacts:
    """What hints can know of the project, beside what its files did. Without it they know nothing of it."""

    modules: ModuleHints
    options: OptionHints = field(default_factory=NoOptions)
    aws: AwsChoice = AwsMode.NONE  # which AWS the files can ask here
    startup: StartupFiles = field(default_factory=StartupFiles)
    paths_note: str = ""  # why files do not see MWAA's /usr/local/airflow, or ""
    timetables: tuple[str, ...] = ()  # that plugins have registered: `lunch_timetable.LunchTimetable`

    @classmethod
    def none(cls, release: Release) -> ProjectFacts:
        return cls(ModuleHints(NOWHERE, release, Requirements(REQUIREMENTS_FILE)))


@dataclass(frozen=True)
class ImportHints:
    """Says what to do about a failed import, and whether the file may be imported on MWAA nevertheless."""

    facts: ProjectFacts
    kind: FileKind = OF_DAGS

    def of(self, file: ImportingFile, failure: ImportFailure) -> str:
        """Return the hint; "" where nothing is known."""
        facts = self.facts
        if self.is_for_want_of_paths(failure):
            return f"{MWAA_HOME} cannot be shown on this machine: {facts.paths_note}; on MWAA it may be there"
        if failure.of_connection:
            hosts = ", ".join(_hosts(file)) or "a host"
            there = "; it may be reached from MWAA's network" if self.is_for_want_of_network(file, failure) else ""
            return (
                f"a connection at the top level failed ({hosts}): move what needs the network {self.kind.move}{there}"
            )
        if failure.kind == DATABASE:
            return "move the query into a task, and ask Airflow's REST API there"
        if image := facts.modules.of_image(failure.missing):
            return image.hint
        if found := _SERVICE_VARIABLE.fullmatch(failure.said):
            return f"MWAA's containers have {found[1]} and this check does not; DAGs had better do without it"
        if made_by_script := facts.startup.hint(failure):
            return made_by_script
        if failure.missing:
            return placeholder_hint(file) if is_uncertain(file, failure) else facts.modules.of(_missing(failure))
        if facts.modules.may_be_newer(failure.library):
            return facts.modules.of_newer(failure.library)
        if found := _TIMETABLE.search(failure.said):
            return self._timetable(found[1])
        return _newer(failure, facts) or facts.options.hint(failure.path, failure.said) or placeholder_hint(file)

    def is_of_this_machine(self, file: ImportingFile, failure: ImportFailure) -> bool:
        """Whether the file may be imported on MWAA although it is not here."""
        return (
            self.is_for_want_of_paths(failure)
            or self.is_for_want_of_network(file, failure)
            or self.is_for_want_of_requirements(failure)
            or self.facts.startup.command(failure) is not None
            or self.facts.modules.of_image(failure.missing) is not None
            or self.is_of_service(failure)
        )

    def is_of_service(self, failure: ImportFailure) -> bool:
        """Whether the file asks for a variable that MWAA's service sets for itself, and nothing sets here."""
        return _SERVICE_VARIABLE.fullmatch(failure.said) is not None

    def is_for_want_of_paths(self, failure: ImportFailure) -> bool:
        """Whether the file may only miss what this machine cannot show of MWAA's home."""
        return bool(self.facts.paths_note) and failure.names_mwaa_home

    def is_for_want_of_requirements(self, failure: ImportFailure) -> bool:
        """Whether the file only misses what requirements bring that are not installed here."""
        modules = self.facts.modules
        if failure.missing:
            return modules.may_be_on_mwaa(_missing(failure))
        return modules.may_be_newer(failure.library)

    def refused_file(self, file: ImportingFile, failure: ImportFailure) -> str:
        """Return the requirements file, if it asks for what is missing and pip could not install it; else ""."""
        modules, wanted = self.facts.modules, _missing(failure)
        is_refused = modules.requirements.failed and bool(failure.missing) and not is_uncertain(file, failure)
        return modules.requirements.path if is_refused and modules.asked_at(wanted) else ""

    def is_asked_for(self, failure: ImportFailure) -> bool:
        """Whether a requirement, which this check does not install, asks by its name for what is missing."""
        modules, library = self.facts.modules, failure.library
        wanted = _missing(failure) if failure.missing else MissingModule(library, library, failure.path)
        is_meant = modules.requirements.untried and self.is_for_want_of_requirements(failure)
        return is_meant and bool(modules.asked_at(wanted))

    def hosts_waited_for(self, file: ImportingFile, failure: ImportFailure) -> list[str]:
        """Return the other machines that the line asked at which the file's time ended."""
        touches = (touch for touch in file.touches if _place(touch) == _place(failure))
        hosts = (touch.what for touch in touches if touch.kind != DATABASE_TOUCH)
        return [host for host in hosts if not host.startswith(_LOOPBACK)]

    def is_for_want_of_network(self, file: ImportingFile, failure: ImportFailure) -> bool:
        """Whether the file failed to reach another machine, which MWAA's network may reach."""
        others = [host for host in _hosts(file) if not host.startswith(_LOOPBACK)]
        return failure.of_connection and bool(others)

    def _timetable(self, name: str) -> str:
        """Airflow knows a timetable by its module's name, which is the file's own for what it loads from plugins/."""
        module, _, class_name = name.rpartition(".")
        registered = [item for item in self.facts.timetables if item.rpartition(".")[2] == class_name]
        if not registered:
            return f"register it: a plugin in plugins/ needs `timetables = [{class_name}]`, and {class_name} from there"
        there = registered[0].rpartition(".")[0]
        return (
            f"Airflow knows it as {registered[0]}, by the name of the plugin's file: write "
            f"`from {there} import {class_name}`, not from {module}"
        )


def _newer(failure: ImportFailure, facts: ProjectFacts) -> str:
    """Return the hint on what only other versions of Python or Airflow have; "" if it is nothing known."""
    release, root_dir = facts.modules.release, facts.modules.root_dir
    names = tuple(subject.name for subject in failure.subjects if subject.kind == NAME)
    code = failure.code + _calls(failure, root_dir)
    return (
        python_hint(failure, release, root_dir)
        or name_hint(names, release)
        or removed_hint(failure.said, code, release)
        or feature_hint(failure.said, code, failure.library, release)
    )


def _calls(failure: ImportFailure, root_dir: Path) -> tuple[str, ...]:
    """Return the starts of calls, as `DAG(`, around the line that have the argument which was not taken.

    Of a call over several lines, older Pythons name one in its middle, and the class is not in their words.
    """
    names = {subject.name for subject in failure.subjects if subject.kind == ARGUMENT}
    tree = tree_of(root_dir / failure.path) if names else None
    return tuple(
        f"{ast.unparse(node.func)}("
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Call)
        and node.lineno <= failure.line <= (node.end_lineno or node.lineno)
        and names & {keyword.arg for keyword in node.keywords}
    )


def _place(item: OutsideCall | ImportFailure) -> tuple[str, int]:
    return item.path, item.line


def _missing(failure: ImportFailure) -> MissingModule:
    return MissingModule(failure.missing, wanted_module(failure.missing, failure.trace), failure.path)


def _hosts(file: ImportingFile) -> list[str]:
    return [touch.what for touch in file.touches if touch.kind != DATABASE_TOUCH]
