"""Run by a release's interpreter: says which configuration options its Airflow and its providers have.

    python -I -B options_probe.py ANSWER

Writes one JSON object into the file: `sections` (section -> keys), `moved` (old `section.key` -> new), `deprecated`
(`section.key` -> why, or since when), `types` (`section.key` -> "integer", "float" or "boolean", as Airflow describes
the option), `choices` (`section.key` -> the values that Airflow takes at all) and `defaults` (`section.key` -> the
default as Airflow describes it, "" for none). Runs on Python 3.7 too. Not for judging options: that is `check.options`.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from typing import Any

TYPES = ("integer", "float", "boolean")  # those that Airflow converts a text into, and refuses others


def main() -> None:
    warnings.simplefilter("ignore")
    configuration: Any = importlib.import_module("airflow.configuration")
    described = _described(configuration)
    for _, config in _of_providers():
        for section, members in config.items():
            described.setdefault(section, {}).update(members.get("options") or {})
    moved = {"%s.%s" % (old[0], old[1]): "%s.%s" % new for new, old in _moved(configuration.conf)}  # noqa: UP031
    answer = {
        "sections": {section.lower(): sorted(key.lower() for key in keys) for section, keys in described.items()},
        "moved": moved,
        "deprecated": dict(_deprecated(described)),
        "types": dict(_types(described)),
        "choices": _choices(configuration.conf),
        "defaults": dict(_defaults(described)),
    }
    with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(answer, file)


def _described(configuration: Any) -> dict[str, dict[str, Any]]:
    """Return section -> key -> what Airflow itself says of the option."""
    description = getattr(configuration.conf, "configuration_description", None)
    if description:  # from 2.7 on
        return {section: dict(members.get("options") or {}) for section, members in description.items()}
    description = configuration.default_config_yaml()
    if isinstance(description, dict):  # 2.6
        return {section: dict(members.get("options") or {}) for section, members in description.items()}
    return {section["name"]: {option["name"]: option for option in section["options"]} for section in description}


def _of_providers() -> list[Any]:
    """Return (package, configuration) of providers: from 2.7 on they bring options of their own."""
    try:
        manager: Any = importlib.import_module("airflow.providers_manager").ProvidersManager()
        if hasattr(manager, "initialize_providers_configuration"):
            manager.initialize_providers_configuration()
        return list(getattr(manager, "provider_configs", []))
    except ImportError:
        return []


def _moved(conf: Any) -> list[Any]:
    """Return ((section, key), (old section, old key, ...)); a move to the same place says only since when."""
    pairs = []
    for new, old in conf.deprecated_options.items():
        for one in old if isinstance(old, list) else [old]:  # 1.10 has lists
            if isinstance(new, tuple) and tuple(one[:2]) != tuple(new):
                pairs.append((new, one))
    return pairs


def _deprecated(described: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for section, options in described.items():
        for key, option in options.items():
            if isinstance(option, dict) and option.get("version_deprecated"):
                why = str(option.get("deprecation_reason") or "").strip()
                found.append(("%s.%s" % (section, key), why or "since Airflow %s" % option["version_deprecated"]))  # noqa: UP031
    return found


def _types(described: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for section, options in described.items():
        for key, option in options.items():
            kind = str(option.get("type") or "") if isinstance(option, dict) else ""
            if kind in TYPES:
                found.append(("%s.%s" % (section.lower(), key.lower()), kind))  # noqa: UP031
    return found


def _defaults(described: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for section, options in described.items():
        for key, option in options.items():
            default = option.get("default") if isinstance(option, dict) else None
            found.append(("%s.%s" % (section.lower(), key.lower()), "" if default is None else str(default)))  # noqa: UP031
    return found


def _choices(conf: Any) -> dict[str, list[str]]:
    """Return what `AirflowConfigParser._validate_enums` compares with; Airflow 1.10 and 2.0 have no such table."""
    choices = getattr(conf, "enums_options", {})
    return {"%s.%s" % key: [str(value) for value in values] for key, values in choices.items()}  # noqa: UP031


if __name__ == "__main__":
    main()
