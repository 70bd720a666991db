"""Names of Airflow configuration options, and the environment variables that they become."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.errors import ConfigOptionInvalid


def variable_name(option: str) -> str:
    """Return the environment variable of an option: `core.executor` becomes `AIRFLOW__CORE__EXECUTOR`.

    Raises ConfigOptionInvalid unless the option is `section.key`, both parts non-empty and without another dot.
    """
    section, dot, key = option.partition(".")
    if not dot:
        raise ConfigOptionInvalid(
            f"{option!r} is no Airflow configuration option",
            "An option is `section.key`; this one names no section.",
            f"put the section in front, as in core.{option or 'executor'}",
        )
    if not section or not key or "." in key:
        raise ConfigOptionInvalid(
            f"{option!r} is no Airflow configuration option",
            "An option is `section.key`: one dot, with a name on either side.",
            "write it as in core.executor; Airflow has no option with a dot in its key",
        )
    return f"AIRFLOW__{section.upper()}__{key.upper()}"


def option_name(variable: str) -> str | None:
    """Return the option that a variable sets, or None when it is not of the form AIRFLOW__SECTION__KEY."""
    parts = variable.split("__", 2)
    if len(parts) != 3 or parts[0] != "AIRFLOW" or not parts[1] or not parts[2]:
        return None
    return f"{parts[1].lower()}.{parts[2].lower()}"


def translate(options: Mapping[str, str]) -> dict[str, str]:
    """Return Airflow variables for MWAA configuration options.

    `core.default_task_retries` becomes `AIRFLOW__CORE__DEFAULT_TASK_RETRIES`. Any section will do, also an invented
    one. Values pass unchanged; order is kept.

    Raises ConfigOptionInvalid for a key that is not `section.key`, and when two keys mean the same variable.
    Source: MWAA user guide, "Using Apache Airflow configuration options".
    """
    variables: dict[str, str] = {}
    origin: dict[str, str] = {}
    for option, value in options.items():
        name = variable_name(option)
        if name in variables:
            raise ConfigOptionInvalid(
                f"the options {origin[name]!r} and {option!r} are the same",
                f"Both become the variable {name}, which can have one value only.",
                "remove one of them from AirflowConfigurationOptions",
            )
        variables[name], origin[name] = value, option
    return variables
