"""Run by a release's interpreter: loads the plugins as Airflow does, and says what registered.

    python -I -B plugins_probe.py ANSWER REQUEST

Writes one JSON object into the file: `errors`, file -> what went wrong, as `import_errors` describes it; `plugins`,
each with `name`, `source` and `members`; `asked`, Variables and Connections that are not `known`; and `touches`, what
was asked of hosts and of the metadata database, which is not here. `known` and `roots` are in the request, as those of
`dags/probe.py`. Airflow's and the plugins' own words on the standard streams are no answer. Runs on Python 3.7 too.

Not for judging what it finds: that is `check.failures`.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).with_name("dags")))
from import_errors import described, of_text  # type: ignore[import-not-found]
from import_links import walking_once  # type: ignore[import-not-found]
from import_recorder import Recorder, patch  # type: ignore[import-not-found]
from import_secrets import Secrets  # type: ignore[import-not-found]

# Neither is there for the user's modules.
del sys.path[0]
for _name in ("import_errors", "import_links", "import_recorder", "import_secrets", "import_subjects"):
    sys.modules.pop(_name)

# What a plugin can have, over all releases.
MEMBERS = (
    "macros",
    "operators",
    "sensors",
    "hooks",
    "executors",
    "operator_extra_links",
    "global_operator_extra_links",
    "listeners",
    "timetables",
    "partition_mappers",
    "windows",
    "deadline_references",
    "priority_weight_strategies",
    "hook_lineage_readers",
    "ti_deps",
    "flask_blueprints",
    "fastapi_apps",
    "fastapi_root_middlewares",
    "external_views",
    "react_apps",
    "appbuilder_views",
    "appbuilder_menu_items",
    "admin_views",
    "menu_links",
)
MANAGER_MODULE = "airflow.plugins_manager"
MANAGER = "plugins_manager"  # the last part of the name of Airflow's loggers, whichever release, that tell of plugins
ENDED = "ended"  # the kind of a SystemExit
PLUGINS_FOLDER = "$PLUGINS_FOLDER"  # what a source begins with that is no installed package (`PluginsDirectorySource`)


def main() -> None:
    request_path = Path(sys.argv[2])
    request = json.loads(request_path.read_text(encoding="utf-8"))
    request_path.unlink()  # it may hold secrets
    recorder = Recorder(request["roots"])
    errors = Errors(recorder)
    gc.disable()  # what is imported is no garbage, and looking for some takes a twentieth of the time
    loaded: list[Any] = []
    with walking_once():
        recorder.watch_network()
        errors.keep()
        answering = Answering(recorder, request["known"])
        sys.meta_path.insert(0, answering)  # 1.10 loads the plugins while it is imported itself
        try:
            importlib.import_module("airflow")
            answering.begin()
            loaded, told = _loaded()
            errors.tell(told)
        except SystemExit as error:  # Airflow lets it through, and its component ends
            errors.tell_end(error)
    plugins = [_described(plugin) for plugin in loaded if _is_of_folder(plugin)]
    answer = {"errors": errors.told, "plugins": plugins, "asked": recorder.asked, "touches": recorder.touches}
    with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(answer, file)


def _loaded() -> tuple[list[Any], dict[str, Any]]:
    """Return plugins, and what Airflow keeps of errors: file -> text, or "" -> an exception of what uses them."""
    manager: Any = importlib.import_module(MANAGER_MODULE)
    if hasattr(manager, "ensure_plugins_loaded"):  # 1.10 loads them when it is imported
        manager.ensure_plugins_loaded()
    by_function = hasattr(manager, "_get_plugins")  # from 3.2 on; variables of the module before
    loaded, errors = manager._get_plugins() if by_function else (manager.plugins, manager.import_errors)
    told: dict[str, Any] = {str(file): str(text) for file, text in errors.items()}
    # What the web server does with them, and what every task does.
    for name in ("get_plugin_info", "integrate_macros_plugins"):
        try:
            getattr(manager, name, lambda: None)()
        except Exception as error:  # noqa: BLE001 - a plugin's members may be anything
            told.setdefault("", error)
    return list(loaded or []), told


class Answering:
    """Answers for Variables, Connections and the database from the moment on at which plugins may be loaded."""

    def __init__(self, recorder: Recorder, known: dict[str, Any]) -> None:
        self._recorder = recorder
        self._secrets = Secrets(recorder, known)

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        """Find no module; begin before the one that loads plugins, if Airflow's models are there by then."""
        if name == MANAGER_MODULE and hasattr(sys.modules.get("airflow.models"), "Variable"):
            self.begin()

    def begin(self) -> None:
        """Begin, once."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self._secrets.install()
            self._recorder.watch_database()


class Errors:
    """What is known of the exceptions of which Airflow keeps the text alone: they are seen where it logs them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._kept: dict[str, list[dict[str, Any]]] = {}  # Airflow's text -> the exceptions that have it, in order
        self.told: dict[str, dict[str, Any]] = {}

    def keep(self) -> None:
        """Look at exceptions from now on."""
        log_exception = logging.Logger.exception

        def exception(logger: logging.Logger, message: object, *args: object, **more: Any) -> None:
            error = sys.exc_info()[1]
            if error is not None and logger.name.rpartition(".")[2] == MANAGER:
                self._kept.setdefault(str(error), []).append(described(self._recorder, error))
            log_exception(logger, message, *args, **more)

        patch(logging.Logger, exception=exception)

    def tell(self, errors: dict[str, Any]) -> None:
        """Take what Airflow keeps, file -> text or exception."""
        for file, error in errors.items():
            if isinstance(error, BaseException):
                self.told[file] = described(self._recorder, error)
                continue
            kept = self._kept.get(error)
            self.told[file] = kept.pop(0) if kept else of_text(error)

    def tell_end(self, error: SystemExit) -> None:
        """Take the exception with which a plugin ended Python."""
        told = described(self._recorder, error, ENDED)
        self.told[told["path"]] = told


def _is_of_folder(plugin: Any) -> bool:
    source = getattr(plugin, "source", None)
    return source is None or str(source).startswith(PLUGINS_FOLDER)


def _described(plugin: Any) -> dict[str, Any]:
    members = {name: [_named(item) for item in _items(plugin, name)] for name in MEMBERS}
    source = str(getattr(plugin, "source", None) or "")
    return {
        "name": str(plugin.name),
        "source": source[len(PLUGINS_FOLDER) + 1 :],
        "members": {name: items for name, items in members.items() if items},
    }


def _items(plugin: Any, name: str) -> list[Any]:
    items = getattr(plugin, name, None)
    return list(items) if isinstance(items, (list, tuple, set)) else []


def _named(item: Any) -> str:
    """Return what a person knows the member by: its name where it has one, else that of what it is made of."""
    if isinstance(item, dict):
        parts = (item.get(key) for key in ("view", "app", "middleware"))
        return str(item.get("name") or next((_named(part) for part in parts if part is not None), "") or sorted(item))
    if inspect.ismodule(item):
        return item.__name__
    if inspect.isclass(item) or inspect.isroutine(item):
        return "%s.%s" % (item.__module__, item.__qualname__)  # noqa: UP031
    name = getattr(item, "name", None)
    return name if isinstance(name, str) and name else _named(type(item))


if __name__ == "__main__":
    main()
