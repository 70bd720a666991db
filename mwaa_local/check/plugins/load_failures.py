"""Plugins that Airflow could not load: findings, by the judgement that holds for DAG files, too (`check.failures`).

Unlike DAG files, plugins are loaded without the requirements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.context import CheckContext
from mwaa_local.check.failures.failure import ENDED, ImportFailure, OutsideCall
from mwaa_local.check.failures.hints import ProjectFacts
from mwaa_local.check.failures.judgement import FailureJudge
from mwaa_local.check.failures.kind import NOT_LOADED, OF_PLUGINS
from mwaa_local.check.failures.placeholders import placeholder_hint
from mwaa_local.check.failures.startup_files import startup_files
from mwaa_local.check.modules.hints import ModuleHints
from mwaa_local.check.modules.places import module_below
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.check.plugins.modules import Module, read_module
from mwaa_local.configuration.option_names import translate
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.startup.state import ContainerState

__all__ = ["NOT_LOADED", "LoadFailures"]

SOURCES = ("$PLUGINS_FOLDER/",)  # with which Airflow names a plugin that is there twice


@dataclass(frozen=True)
class FailedPlugin:
    """A file that Airflow could not load, with what it, or what it imports, asked for."""

    path: str
    asked: tuple[AskedValue, ...]
    touches: tuple[OutsideCall, ...]


@dataclass(frozen=True)
class LoadFailures:
    """Judges the errors of one load. `named` is how the user knows the folder, `plugins_dir` where its files are."""

    context: CheckContext
    named: str
    plugins_dir: Path
    state: ContainerState
    paths_note: str = ""

    def findings(
        self,
        errors: Mapping[str, Mapping[str, Any]],
        asked: Sequence[AskedValue],
        touches: Sequence[Mapping[str, Any]],
        home_dir: Path,
    ) -> Iterator[Finding]:
        """Yield a finding for each error: Airflow's name of the file -> the probe's answer."""
        calls = [OutsideCall(**item) for item in touches]
        for name, error in errors.items():
            for top in (f"{home_dir}/plugins/", *SOURCES):
                name = name.removeprefix(top)
            path = name if name.startswith(f"{self.named}/") else f"{self.named}/{name}".rstrip("/")
            failure = replace(ImportFailure.from_answer(error), path=error["path"] or path)
            failure = replace(failure, said=failure.said.replace(f"{home_dir}/plugins", self.named))
            read = {path, failure.path, *self._imported(path)}
            plugin = FailedPlugin(
                path,
                tuple(item for item in asked if item.path in read),
                tuple(call for call in calls if call.path in read),
            )
            yield self._ended(plugin, failure) if failure.kind == ENDED else self._judge.finding(plugin, failure)

    @property
    def _judge(self) -> FailureJudge:
        context = self.context
        variables = translate(context.environment.airflow_configuration_options)
        requirements = Requirements.of(context.project, variables, untried=True)
        facts = ProjectFacts(
            ModuleHints(context.project.root_dir, context.release, requirements),
            aws=context.environment.local.aws,
            startup=startup_files(context.project, self.state),
            paths_note=self.paths_note,
        )
        return FailureJudge(context.release, facts, OF_PLUGINS)

    def _ended(self, plugin: FailedPlugin, failure: ImportFailure) -> Finding:
        """Return the finding on a plugin that ends Python, and with it every component that loads it."""
        what = f"loading this file ends Python: {failure.said}"
        why = "\n".join([*failure.trace, "Airflow's components end with it, since all of them load the plugins."])
        hint = placeholder_hint(plugin) or "raise an exception instead: Airflow then goes on without the plugin"
        severity = WARNING if plugin.asked else ERROR
        return Finding(NOT_LOADED, severity, failure.path, failure.line, what, why, hint)

    def _imported(self, path: str, known: frozenset[str] = frozenset()) -> set[str]:
        """Return the user's files that a file imports, and those import in turn, as the user knows them."""
        found = known | {path}
        for imported in self._imports_of(path):
            if imported not in found:
                found |= self._imported(imported, frozenset(found))
        return set(found)

    def _imports_of(self, path: str) -> Iterator[str]:
        place = self.plugins_dir / path.removeprefix(f"{self.named}/")
        module = read_module(place.read_bytes(), self.context.release.python_version) if place.is_file() else None
        if not isinstance(module, Module):
            return
        for parts in module.imports:
            for length in range(1, len(parts) + 1):
                below = module_below(self.plugins_dir, "", ".".join(parts[:length]))
                if below is not None:
                    is_file = below.path.endswith(".py")
                    yield f"{self.named}/{below.path if is_file else f'{below.path}/__init__.py'}"
