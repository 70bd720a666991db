"""Run by a release's interpreter: loads the plugins as Airflow does, and says what registered.

    python -I -B plugins_probe.py ANSWER REQUEST

Writes one JSON object into the file: `errors`, file -> `said`, what went wrong, and `missing`, the module that was not
found, where that is why; `plugins`, each with `name`, `source` and `members`; and `asked`, Variables and Connections
that are not `known`. That and `roots` are in the request, as those of `dags/probe.py`. Airflow's and the plugins' own
words on the standard streams are no answer. Runs on Python 3.7 too.

Not for judging what it finds: that is `check.plugins.loading`.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).with_name("dags")))
from import_links import walking_once  # type: ignore[import-not-found]
from import_recorder import Recorder  # type: ignore[import-not-found]
from import_secrets import Secrets  # type: ignore[import-not-found]

# Neither is there for the user's modules.
del sys.path[0]
for _name in ("import_links", "import_recorder", "import_secrets", "import_subjects"):
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
# All that Airflow keeps of an exception is its text; nobody else reads it.
NO_MODULE = re.compile(r"No module named '([\w.]+)'")
PLUGINS_FOLDER = "$PLUGINS_FOLDER"  # what a source begins with that is no installed package (`PluginsDirectorySource`)


def main() -> None:
    request_path = Path(sys.argv[2])
    request = json.loads(request_path.read_text(encoding="utf-8"))
    request_path.unlink()  # it may hold secrets
    recorder = Recorder(request["roots"])
    gc.disable()  # what is imported is no garbage, and looking for some takes a twentieth of the time
    with walking_once():
        importlib.import_module("airflow")
        Secrets(recorder, request["known"]).install()  # 1.10 has loaded the plugins by now
        manager: Any = importlib.import_module("airflow.plugins_manager")
        if hasattr(manager, "ensure_plugins_loaded"):  # 1.10 loads them when it is imported
            manager.ensure_plugins_loaded()
        by_function = hasattr(manager, "_get_plugins")  # from 3.2 on; variables of the module before
        loaded, errors = manager._get_plugins() if by_function else (manager.plugins, manager.import_errors)
    errors = dict(errors)
    if hasattr(manager, "get_plugin_info"):
        try:  # what the web server does with them
            manager.get_plugin_info()
        except Exception as error:  # noqa: BLE001 - a plugin's members may be anything
            errors[""] = "%s: %s" % (type(error).__name__, error)  # noqa: UP031
    plugins = [_described(plugin) for plugin in loaded or [] if _is_of_folder(plugin)]
    with open(sys.argv[1], "w", encoding="utf-8") as answer:  # noqa: PTH123
        told = {str(file): _error(str(text)) for file, text in errors.items()}
        json.dump({"errors": told, "plugins": plugins, "asked": recorder.asked}, answer)


def _error(text: str) -> dict[str, str]:
    found = NO_MODULE.match(text)
    return {"said": text, "missing": found[1] if found else ""}


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
