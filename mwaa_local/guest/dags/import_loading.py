"""Inside a release's interpreter: what is done once for all DAG files, before the first of them is imported.

Runs on Python 3.7 too.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from import_links import ITSELF, NOWHERE, repeating_links, walking_once  # type: ignore[import-not-found]

SCAN_MAX_BYTES = 1000000  # a larger file is data, and takes its time to be parsed
PRELOAD = (
    "airflow.models",
    "airflow.models.dag",
    "airflow.models.dagbag",
    "airflow.dag_processing.dagbag",
    "airflow.serialization.serialized_objects",
    "airflow.sdk",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.context",
    "airflow.utils.file",
    "airflow.timetables.trigger",  # of every DAG with a schedule, but imported only when it is made
    "jinja2.ext",  # of every DAG with a templated task, as above
)
LAZY = "airflow.sdk"  # resolves its names only when they are asked for


def load_airflow(before_plugins: Callable[[], None]) -> None:
    """Import Airflow and the plugins, which the dag-processor has loaded, too, before it forks."""
    with walking_once():
        importlib.import_module("airflow")
        for name in PRELOAD:
            has_module(name)
        before_plugins()
        manager: Any = importlib.import_module("airflow.plugins_manager")
        if hasattr(manager, "ensure_plugins_loaded"):  # 1.10 loads them when it is imported
            manager.ensure_plugins_loaded()
        elif hasattr(manager, "_get_plugins"):  # from 3.2 on
            manager._get_plugins()


def has_option(section: str, key: str) -> bool:
    conf: Any = importlib.import_module("airflow.configuration").conf
    return bool(conf.has_option(section, key))


def timetable_names() -> list[str]:
    """Return the timetable classes that plugins have registered, by the names under which Airflow knows them."""
    manager: Any = importlib.import_module("airflow.plugins_manager")
    if hasattr(manager, "get_timetables_plugins"):  # from 3.2 on
        return sorted(manager.get_timetables_plugins())
    if hasattr(manager, "initialize_timetables_plugins"):  # from 2.2 on; before there are none
        manager.initialize_timetables_plugins()
    return sorted(getattr(manager, "timetable_classes", None) or {})


def seconds(section: str, key: str, default: float) -> float:
    """Return an option's value; the default where this release has no such option."""
    if not has_option(section, key):
        return default
    conf: Any = importlib.import_module("airflow.configuration").conf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(conf.get(section, key))


def dag_files(dags_dir: str) -> tuple[list[str], dict[str, str]]:
    """Return what the release's dag-processor would look at, each file once, and the links that hinder it."""
    links = repeating_links(dags_dir)
    try:
        paths = _listed(dags_dir)
    except RuntimeError:  # "Detected recursive loop"
        paths = []
    else:
        if len({os.path.realpath(path) for path in paths}) == len(paths):
            return paths, {
                path: kind for path, kind in links.items() if kind in (ITSELF, NOWHERE)
            }  # others are in .airflowignore
    with walking_once():
        return _listed(dags_dir), links


def _listed(dags_dir: str) -> list[str]:
    files: Any = importlib.import_module("airflow.utils.file")
    if not hasattr(files, "list_py_file_paths"):  # 1.10
        files = importlib.import_module("airflow.utils.dag_processing")
    list_paths = files.list_py_file_paths
    wishes = {"include_examples": False, "include_smart_sensor": False}
    known = inspect.signature(list_paths).parameters
    paths = list_paths(dags_dir, **{key: value for key, value in wishes.items() if key in known})
    return sorted({str(path) for path in paths})


def parsed(path: str) -> ast.Module | None:
    """Return a file's syntax tree; None for what is no Python, cannot be read, or is data."""
    try:
        source = Path(path)
        if source.suffix != ".py" or source.stat().st_size > SCAN_MAX_BYTES:
            return None
        return ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def airflow_imports(tree: ast.Module) -> list[tuple[str, str]]:
    """Return pairs, a module of Airflow that a file imports, and a name in it or "".

    Wherever in the file, as Airflow 3's dag-processor looks for them.
    """
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [(node.module, alias.name) for alias in node.names]
    return [item for item in names if item[0].startswith("airflow.")]


def preload(module: str) -> None:
    """Import a module for all files; one that warns at its import is left to each, so that each is warned."""
    if module in sys.modules:
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - the file that imports it tells
            return
    if any(not item.filename.startswith(str(Path(sys.modules["airflow"].__file__ or "").parent)) for item in said):
        sys.modules.pop(module, None)


def preload_name(module: str, name: str) -> None:
    """Resolve a name for all files, where its module leaves that to the first who asks: it imports what has it.

    A name that warns is left to each file, as with `preload`.
    """
    found = sys.modules.get(module)
    if module != LAZY or found is None or name in vars(found):
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            getattr(found, name)
        except Exception:  # noqa: BLE001 - the file that imports it tells
            return
    if said:
        vars(found).pop(name, None)


def has_module(name: str) -> bool:
    """Return whether there is a module of that name in this release, and import it."""
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
        return True
    return False


def names_there(names: list[str]) -> dict[str, bool]:
    """Return which dotted names can be imported, without those that an import cannot decide."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            try:
                found[name] = _is_there(name)
            except Exception:  # noqa: BLE001 - whatever an old module does, which wants a database perhaps
                continue
    return found


def _is_there(name: str) -> bool:
    """Return whether importing the name works; an attribute may be one of what is imported: `conf.get`."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                return False  # it is there, and imports what is not
            continue
        except ImportError:
            return False
        try:
            for part in parts[length:]:
                found = getattr(found, part)
        except (AttributeError, ImportError):
            return False
        return True
    return False
