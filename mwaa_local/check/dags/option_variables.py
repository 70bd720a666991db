"""`AIRFLOW__…` variables that a DAG file reads and nobody sets: on MWAA they come from the environment's options.

`AIRFLOW__APP__SUBNETS` is what MWAA makes of the option `app.subnets`, and the usual way of giving DAGs a value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.check.dags.rule import at
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.surroundings import depends_on_machine
from mwaa_local.finding import WARNING, Finding
from mwaa_local.release import Release

VARIABLE = re.compile(r"AIRFLOW__([A-Za-z0-9_]+?)__([A-Za-z0-9_]+)")
MISSING_OPTION = "missing-option"
_WHY = "On MWAA, such variables come from the environment's Airflow configuration options, or from its startup script."
_NOT_IN_CONFIG = re.compile(r"section/key \[([\w.-]+)/([\w.-]+)\] not found in config")
_READERS = frozenset(("os.environ.get", "os.getenv"))
_CONF_GET = re.compile(r"airflow\.(?:[\w.]+\.)?conf\.get\w*")
_OF_NOTHING = "NoneType"  # in what Python says of `None.split(",")`
# Sections that Airflow has in every release: what is read of them has a value, though not as a variable.
_AIRFLOW_SECTIONS = frozenset(
    ("api", "celery", "core", "dag_processor", "database", "email", "logging", "metrics", "operators", "scheduler",
     "secrets", "smtp", "triggerer", "webserver")
)  # fmt: skip


@dataclass(frozen=True)
class OptionVariables:
    """Looks for such reads. `names` are the variables that a scheduler of the environment has."""

    root_dir: Path
    release: Release
    names: frozenset[str] = field(default=frozenset(), repr=False)

    def hint(self, path: str, said: str) -> str:
        """Return what to set, if that is why an import failed in that file; else ""."""
        found = [*self._named(said), *(self._read_in(path) if _OF_NOTHING in said else ())]
        unset = [option for option in dict.fromkeys(found) if variable_of(*option) not in self.names]
        return "; ".join(_hint(*option) for option in unset)

    def findings(self, source: Source) -> Iterator[Finding]:
        """Yield reads, wherever in the file, that are sure to fail because nothing sets the variable."""
        set_here = self.names | set(_set_in(source))
        for node, (section, key) in _sure_reads(source):
            name = variable_of(section, key)
            if section in _AIRFLOW_SECTIONS or name in set_here or depends_on_machine(source, node):
                continue
            if any(isinstance(outer, ast.Try) for outer in source.places.ancestors(node)):
                continue
            what = f"nothing sets {name}, which this line needs"
            yield at(source, node, MISSING_OPTION, WARNING, what, _WHY, _hint(section, key))

    def _named(self, said: str) -> Iterator[tuple[str, str]]:
        yield from ((match[1].lower(), match[2].lower()) for match in VARIABLE.finditer(said))
        yield from ((match[1].lower(), match[2].lower()) for match in _NOT_IN_CONFIG.finditer(said))

    def _read_in(self, path: str) -> Iterator[tuple[str, str]]:
        source = Source.read(self.root_dir / path, path, self.release)
        if source is not None:
            yield from options_read(source)


def _sure_reads(source: Source) -> Iterator[tuple[ast.expr, tuple[str, str]]]:
    """Yield reads of `AIRFLOW__…` that fail if it is not set: `os.environ["…"]`, and what is done with a None."""
    for node in source.nodes:
        name = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = source.string(node.slice) if source.full_name(node.value) == "os.environ" else None
        elif isinstance(node, ast.Call) and source.full_name(node.func) in _READERS and len(node.args) == 1:
            is_used = isinstance(source.places.places[node].parent, ast.Attribute | ast.Subscript)
            name = source.string(node.args[0]) if is_used and not node.keywords else None
        if name and isinstance(node, ast.expr) and (match := VARIABLE.fullmatch(name)):
            yield node, (match[1].lower(), match[2].lower())


def _set_in(source: Source) -> Iterator[str]:
    """Yield variables that the file sets itself: `os.environ["…"] = …`, `os.environ.setdefault("…", …)`."""
    for node in source.nodes:
        is_item = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        if isinstance(node, ast.Subscript) and is_item and source.full_name(node.value) == "os.environ":
            yield source.string(node.slice) or ""
        elif isinstance(node, ast.Call) and node.args and source.full_name(node.func) == "os.environ.setdefault":
            yield source.string(node.args[0]) or ""


def options_read(source: Source) -> Iterator[tuple[str, str]]:
    """Yield section and key of options that a file reads without a default, as variable or from `conf`."""
    for call in source.calls:
        is_reader = call.name in _READERS and len(call.positional) == 1 and not call.arguments
        name = source.string(call.positional[0]) if is_reader else None
        if name and (match := VARIABLE.fullmatch(name)):
            yield match[1].lower(), match[2].lower()
        if _CONF_GET.fullmatch(call.name) and "fallback" not in call.arguments:
            section, key = (source.string(call.argument(part, place)) for place, part in enumerate(("section", "key")))
            if section and key:
                yield section.lower(), key.lower()
    for node in source.nodes:
        if isinstance(node, ast.Subscript) and source.full_name(node.value) == "os.environ":
            match = VARIABLE.fullmatch(source.string(node.slice) or "")
            if match:
                yield match[1].lower(), match[2].lower()


def variable_of(section: str, key: str) -> str:
    """Return the variable that MWAA makes of an option."""
    return f"AIRFLOW__{section.upper()}__{key.upper()}"


def _hint(section: str, key: str) -> str:
    name = variable_of(section, key)
    if section in _AIRFLOW_SECTIONS:
        return f'{name} is not set: ask `conf.get("{section}", "{key}")` of airflow.configuration instead'
    return f"{name} is not set: add `{section}.{key}` to AirflowConfigurationOptions in mwaa.yaml"
