"""What a failed import means for MWAA: a finding. The same for DAG files and plugins, but for its words. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mwaa_local.check.failures.causes import failure_cause
from mwaa_local.check.failures.failure import DATABASE, ImportFailure, ImportingFile
from mwaa_local.check.failures.hints import ImportHints, ProjectFacts
from mwaa_local.check.failures.kind import OF_DAGS, FileKind
from mwaa_local.check.failures.outside import aws_finding, database_finding
from mwaa_local.check.failures.placeholders import is_uncertain
from mwaa_local.check.modules.hints import is_provider
from mwaa_local.check.requirements.provider_modules import PROVIDER_MISSING
from mwaa_local.finding import ERROR, NOTE, WARNING, Cause, Finding
from mwaa_local.release import Release

BROKEN_DATABASE_GENERATION = "3.x"  # from which on a DAG file that uses the metadata database is an import error

# Of all files that miss something of requirements that pip could not install: there is one thing to mend.
MISSING_FOR_ALL = "what {path} asks for is missing, since pip could not install it"
MEND_FIRST = (
    "correct {path} first, which asks for it and which pip could not install: see `mwaa-local check requirements`"
)


@dataclass(frozen=True)
class FailureJudge:
    """Judges failed imports of files of one kind. `strict`: a placeholder excuses nothing."""

    release: Release
    facts: ProjectFacts
    kind: FileKind = OF_DAGS
    strict: bool = False

    @property
    def hints(self) -> ImportHints:
        return ImportHints(self.facts, self.kind)

    def finding(self, file: ImportingFile, failure: ImportFailure) -> Finding:
        """Return the finding: an error only if the import is sure to fail on MWAA, too."""
        kind = self.kind
        is_refused = kind.database_is_refused and self.release.generation == BROKEN_DATABASE_GENERATION
        if failure.kind == DATABASE and not is_refused:
            return database_finding(file, failure, kind)
        if failure.aws:
            return aws_finding(file, failure, self.facts.aws, kind)
        # The place is in the file itself, or in what it imports; the file is what is lost then.
        elsewhere = "" if failure.path == file.path else f", imported by {file.path}"
        words = kind.failed.format(version=self.release.airflow_version) + failure.heading
        found = Finding(
            self._rule(failure), self._severity(file, failure), failure.path, failure.line, f"{words}{elsewhere}"
        )
        hint, cause = self.hints.of(file, failure), failure_cause(file, failure, words)
        if place := self.hints.refused_file(file, failure):
            shared = f"{kind.failed.format(version=self.release.airflow_version)}{MISSING_FOR_ALL.format(path=place)}"
            hint, cause = MEND_FIRST.format(path=place), Cause(shared, imported_by=cause.imported_by)
        why = failure.text if failure.trace or failure.heading != failure.said else ""  # which would only repeat it
        see = "" if found.severity == ERROR else self._difference(file, failure)
        return replace(found, why=why, hint=hint, subjects=failure.subjects, cause=cause, see=see)

    def _difference(self, file: ImportingFile, failure: ImportFailure) -> str:
        """Return the anchor of what here is not as on MWAA, and may be why the import failed."""
        hints = self.hints
        if hints.is_for_want_of_paths(failure):
            return "dags-home"
        if hints.is_for_want_of_network(file, failure):
            return "dags-network"
        if image := self.facts.modules.of_image(failure.missing):
            return image.difference
        if hints.is_of_service(failure):
            return "service-variables"
        if hints.is_for_want_of_requirements(failure):
            return "check-plugins" if self.facts.modules.requirements.untried else "dags-requirements"
        return "sudo-yum" if self.facts.startup.command(failure) else "dags-stand-ins"

    def _rule(self, failure: ImportFailure) -> str:
        if self.kind is OF_DAGS and failure.is_of_library and is_provider(failure.missing):
            return PROVIDER_MISSING
        return self.kind.rules[0]

    def _severity(self, file: ImportingFile, failure: ImportFailure) -> str:
        """Return the severity: what fails for something that only this machine lacks may work on MWAA."""
        if self.hints.is_asked_for(failure):
            return NOTE
        is_placeholders = is_uncertain(file, failure) and not self.strict
        return WARNING if is_placeholders or self.hints.is_of_this_machine(file, failure) else ERROR
