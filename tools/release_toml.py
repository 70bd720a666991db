"""The text of a release.toml: which keys there are, in which order, and how values are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

# Every key of release.toml, in its order.
KEY_ORDER = (
    *("airflow_version", "generation", "state", "available_since", "end_of_support", "operating_system"),
    *("image_date", "packages_date", "system_packages_complete"),
    *("output_levels_parsed", "previous_major_through"),
    *("python_version", "python_full_version", "supported_pythons"),
    *("startup_script", "constraints_injected", "constraints_urls"),
    *(
        "python_argv",
        "migrate_argv",
        "webserver_argv",
        "webserver_https_argv",
        "scheduler_argv",
        "dag_processor_argv",
        "triggerer_argv",
        "worker_argv",
    ),
    *(
        "worker_name_option",
        "users_argv",
        "list_dags_argv",
        "runs_without_date",
        "test_dag_argv",
        "failed_deps_argv",
        "login",
        "health_path",
        "rest_base",
        "preload",
        "protected_variables",
        "cli_commands",
        "aws_cli_version",
        "pip_version",
        "database_revision",
        "airflow_requires",
        "aws_cli_overrides",
        "queue_aliases",
        "millisecond_timers",
    ),
    *(
        "class_options",
        "forced_options",
        "local_forced_options",
        "default_options",
        "local_default_options",
        "removed_options",
    ),
    *("default_variables", "providers", "packages"),
)
MAX_LINE_LENGTH = 120


def to_toml(table: Mapping[str, Any]) -> str:
    """Return a table of strings, booleans, lists of strings and tables of these as TOML, in KEY_ORDER."""
    return "\n".join(_table_lines(table, ())) + "\n"


def _table_lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    keys = sorted(table) if path else sorted(table, key=_place)
    for key in keys:
        if not isinstance(table[key], Mapping):
            yield f"{_toml_key(key)} = {_toml_value(table[key], len(key) + 3)}"
    for key in keys:
        if isinstance(table[key], Mapping):
            inner = (*path, key)
            if not table[key] or not all(isinstance(value, Mapping) for value in table[key].values()):
                yield f"\n[{'.'.join(map(_toml_key, inner))}]"
            yield from _table_lines(table[key], inner)


def _place(key: str) -> tuple[int, str]:
    return (KEY_ORDER.index(key) if key in KEY_ORDER else len(KEY_ORDER), key)


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _toml_string(key)


def _toml_string(text: str) -> str:
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    # JSON's escapes are TOML's as well; only DEL, which JSON leaves alone, is forbidden in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_value(value: object, indent: int = 0) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _toml_string(value)
    if isinstance(value, list):
        line = f"[{', '.join(map(_toml_value, value))}]"
        if indent + len(line) <= MAX_LINE_LENGTH:
            return line
        return "[\n" + "".join(f"    {_toml_value(item)},\n" for item in value) + "]"
    raise TypeError(f"no TOML for {value!r}")
