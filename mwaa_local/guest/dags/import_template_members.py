"""Inside a release's interpreter: which members of Airflow's names in templates do not exist.

Only of names whose members are all known: `macros`, with those of the plugins, `var`, and what is text. Runs on
Python 3.7 too.
"""

from __future__ import annotations

import difflib
import importlib
import types
from typing import Any

from import_loading import has_module  # type: ignore[import-not-found]

MACROS, VAR = "macros", "var"
# The first is that of Airflow 3, reached through MacrosAccessor of airflow.sdk.execution_time.context.
MACROS_MODULES = ("airflow.sdk.execution_time.macros", "airflow.macros")
VAR_MEMBERS = ("json", "value")  # get_template_context, in every release: a dictionary
TEXTS = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")  # get_template_context, in every release
LIKE = 0.75  # how near a name has to be, as difflib counts


class Members:
    """Knows the members once `load` has been called; before, and where a plugin could not be loaded, nothing lacks."""

    def __init__(self) -> None:
        self._macros: Any = None

    def load(self) -> None:
        """Register the macros of plugins, as Airflow does before it renders a template. Not in 1.10."""
        manager: Any = importlib.import_module("airflow.plugins_manager")
        if not hasattr(manager, "integrate_macros_plugins"):
            return
        try:
            manager.integrate_macros_plugins()
        except Exception:  # noqa: BLE001 - what plugins call macros may be anything; `plugins_probe` tells of it
            return
        failed = manager._get_plugins()[1] if hasattr(manager, "_get_plugins") else manager.import_errors
        name = next(filter(has_module, MACROS_MODULES), "")
        if name and not failed:
            self._macros = importlib.import_module(name)

    def lacks(self, name: str) -> bool:
        """Return whether a dotted name is surely missing, and all before its last part is there."""
        owner, *parts = name.split(".")
        if owner == VAR and len(parts) == 1:
            return parts[0] not in VAR_MEMBERS and not hasattr(dict, parts[0])
        if owner in TEXTS and len(parts) == 1:
            return not hasattr(str, parts[0])
        held = self._macros if owner == MACROS else None
        for part in parts[:-1]:
            held = getattr(held, part, None)
        if not isinstance(held, types.ModuleType) or (held is not self._macros and not _is_of_plugin(held)):
            return False  # a library's module has more once somebody has imported it
        return not hasattr(held, parts[-1])

    def instead(self, name: str) -> str:
        """Return what is probably meant by a name that is missing; "" for nothing."""
        before, dot, last = name.rpartition(".")
        if not dot:
            return f"{MACROS}.{name}" if callable(getattr(self._macros, name, None)) else ""
        if before == VAR:
            known = list(VAR_MEMBERS)
        elif before in TEXTS:
            known = dir(str)
        else:
            held = self._macros
            for part in before.split(".")[1:]:
                held = getattr(held, part, None)
            known = [item for item in vars(held) if not item.startswith("_")] if held is not None else []
        near = difflib.get_close_matches(last, known, 1, LIKE)
        return f"{before}.{near[0]}" if near else ""


def _is_of_plugin(module: types.ModuleType) -> bool:
    return module.__name__.startswith(tuple(f"{name}." for name in MACROS_MODULES))
