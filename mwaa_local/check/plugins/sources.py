"""The rules on the Python sources among plugins: what Airflow's loader, and imports, make of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from mwaa_local.check.plugins.files import Entry
from mwaa_local.check.plugins.ignoring import HONOURED_SINCE, IGNORE_FILE
from mwaa_local.check.plugins.modules import Module, NotParsed
from mwaa_local.check.plugins.survey import SOURCE_SUFFIX, Survey
from mwaa_local.finding import ERROR, WARNING, Finding

NOT_MODULES = ("__init__", "__main__")
AIRFLOW_NAME = "airflow"  # of the package apache-airflow


def source_findings(survey: Survey) -> Iterator[Finding]:
    for rule in (_sources, _missing_init, _shadowing):
        yield from rule(survey)


def _sources(survey: Survey) -> Iterator[Finding]:
    for entry, module in survey.modules.items():
        if not survey.is_loaded(entry):
            continue  # who imports it all the same tells
        if isinstance(module, NotParsed):
            yield _syntax_error(survey, entry, module)
        elif module.relative_line:
            yield _relative_import(survey, entry, module)


def _syntax_error(survey: Survey, entry: Entry, module: NotParsed) -> Finding:
    what = f"Python {survey.release.python_version} cannot compile this file: {module.what}"
    why = "Airflow loads every .py file below plugins/ and keeps an import error for it."
    if module.unsure:
        why += f" {module.unsure}."
    severity = WARNING if module.unsure else ERROR
    return survey.finding("syntax-error", severity, entry, what, why, _way_out(survey, entry), line=module.line)


def _way_out(survey: Survey, entry: Entry) -> str:
    """Return how to keep Airflow from a file that is no plugin."""
    place = survey.place(entry)
    if not survey.release.is_at_least(HONOURED_SINCE):
        return "correct it; if it is no plugin, keep it out of plugins/"
    return f"correct it; if it is no plugin, list it in plugins/{IGNORE_FILE}: {survey.ignore_line(place)}"


def _relative_import(survey: Survey, entry: Entry, module: Module) -> Finding:
    why = (
        "Airflow loads every .py file below plugins/ by its bare name, not as part of a package: `attempted relative "
        "import with no known parent package`. Importing it by its full name, from a DAG, works."
    )
    if module.plugin_classes:
        what = f"the plugin {module.plugin_classes[0]} does not register, because of a relative import"
        hint = "import by the full name, from the plugins folder on: `from package.module import …`"
        return survey.finding("relative-import", ERROR, entry, what, why, hint, module.relative_line)
    what = "Airflow logs an import error for this file, because of a relative import"
    hint = (
        f"import by the full name, or list the file in plugins/{IGNORE_FILE}: {survey.ignore_line(survey.place(entry))}"
    )
    return survey.finding("relative-import", WARNING, entry, what, why, hint, module.relative_line)


def _missing_init(survey: Survey) -> Iterator[Finding]:
    """Find packages without the file: namespace packages, which work until another of that name turns up."""
    sources: dict[tuple[str, ...], list[Entry]] = {}
    for entry in survey.parsed:
        sources.setdefault(survey.place(entry)[:-1], []).append(entry)
    imported = {name[:length] for module in survey.parsed.values() for name in module.imports for length in _to(name)}
    parents = {folder[:length] for folder in sources for length in range(len(folder))}
    for folder, entries in sources.items():
        if not folder or any(survey.place(entry)[-1] == "__init__.py" for entry in entries):
            continue
        is_relative = any(survey.parsed[entry].has_relative for entry in entries)
        if folder in imported or folder in parents or is_relative:
            what = f"the package {'.'.join(folder)} has no __init__.py"
            why = (
                f"Imports from it work, unless something else named `{folder[0]}` is found: a package with an "
                "__init__.py, in dags/ or among the installed ones, then replaces it, wherever it is."
            )
            yield survey.finding("missing-init", WARNING, entries[0], what, why, "add an empty __init__.py")


def _shadowing(survey: Survey) -> Iterator[Finding]:
    for entry in survey.files:
        place = survey.place(entry)
        name, dot, suffix = place[-1].rpartition(".")
        if dot and f".{suffix}" == SOURCE_SUFFIX and name not in NOT_MODULES and (owner := _owner_of(survey, name)):
            yield from _shadowing_module(survey, entry, name, owner)
    folders = {survey.place(entry)[0]: entry for entry in survey.parsed if len(survey.place(entry)) > 1}
    for name, entry in folders.items():
        if owner := _owner_of(survey, name):
            what = f"the folder {name}/ has the name of {owner}"
            why = f"The plugins folder comes late on Python's path, so that `import {name}` does not find this one."
            yield survey.finding("shadows-package", WARNING, entry, what, why, "rename the folder")


def _shadowing_module(survey: Survey, entry: Entry, name: str, owner: str) -> Iterator[Finding]:
    what = f"the module {name} has the name of {owner}"
    hint = "rename the file"
    # 1.10 enters plugins under names of their own; from 2.0 on, this is how `plugins_manager.py` does it.
    if survey.release.is_at_least("2.0.0"):
        if survey.is_loaded(entry):
            why = f"Airflow loads this file under its bare name; every later `import {name}` then gets it instead."
            yield survey.finding("shadows-package", WARNING, entry, what, why, hint)
    elif len(survey.place(entry)) == 1:
        why = f"The plugins folder comes late on Python's path, so that `import {name}` does not find this file."
        yield survey.finding("shadows-package", WARNING, entry, what, why, hint)


def _owner_of(survey: Survey, name: str) -> str:
    """Return whose name it is, in words; "" where it is free."""
    if name in sys.stdlib_module_names:
        return f"Python's own module `{name}`"
    if name == AIRFLOW_NAME:
        return "Airflow itself"
    package = canonicalize_name(name)
    return f"the package {package} of MWAA's image" if package in survey.release.packages.base else ""


def _to(name: tuple[str, ...]) -> range:
    """Return the lengths of the beginnings of a dotted name."""
    return range(1, len(name) + 1)
