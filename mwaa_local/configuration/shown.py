"""What one component's configuration is, for people: before a start, after one, and as it may be shown.

Not for who wins: `merge`. What reads it, a command or a page, decides how it looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from mwaa_local.configuration.layers import USER_LAYERS, EnvVar, Overruled
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.log_groups import logging_variables
from mwaa_local.configuration.merge import MWAA_COMPONENT_OF, MergedVariables, merge
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import StateCorrupted
from mwaa_local.project import Project
from mwaa_local.release import Release

SET_AT_START = "<set at start>"
# {component: {name: value}}, written by `up` when the startup script has run.
STARTUP_EXPORTS_FILE = "startup-exports.json"
# Names that every component has from the start; `up` decides their values.
PREVIEW_NAMES = (
    "AIRFLOW_HOME",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
)


def merged_variables(
    environment: Environment, release: Release, component: str, exports: Mapping[str, str] | None
) -> MergedVariables:
    """Return a component's variables, with placeholders for what only a start decides.

    `exports`: what the startup script left exported; None where it has not run.
    """
    return merge(
        release,
        environment,
        preview_values(environment),
        component=component,
        container=preview_container(environment),
        startup_exports=exports or {},
    )


def preview_values(environment: Environment) -> LocalValues:
    """Return placeholders for values that only a start decides."""
    values = LocalValues(**{item.name: SET_AT_START for item in fields(LocalValues)})
    return replace(values, web_is_secure=str(environment.local.https))


def preview_container(environment: Environment) -> dict[str, str]:
    """Return the base environment as far as it is known before a start."""
    known = {"AIRFLOW_ENV_NAME": environment.name, "AIRFLOW_VERSION": environment.airflow_version}
    return {**dict.fromkeys(PREVIEW_NAMES, SET_AT_START), **known, **logging_variables(environment, SET_AT_START)}


def read_startup_exports(project: Project, component: str) -> Mapping[str, str] | None:
    """Return what the startup script exported for this component at the last start; None when it has not run.

    Raises StateCorrupted when the file cannot be read or holds something else.
    """
    path = project.run_dir / STARTUP_EXPORTS_FILE
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _corrupted(path, str(error)) from error
    exports = plain.get(MWAA_COMPONENT_OF.get(component, component), {}) if isinstance(plain, dict) else None
    if not isinstance(exports, dict) or not all(isinstance(value, str) for value in exports.values()):
        raise _corrupted(path, "It should map each component to its variables, all of them text.")
    return exports


def _corrupted(path: Path, why: str) -> StateCorrupted:
    return StateCorrupted(f"cannot use {path}", why, f"remove it; `mwaa-local up` writes it again: rm {path}")


def is_of_interest(variable: EnvVar) -> bool:
    """Return whether the variable is Airflow configuration or set by the user."""
    return variable.name.startswith("AIRFLOW__") or variable.source in USER_LAYERS


def value_text(variable: EnvVar | Overruled, show_secrets: bool) -> str:
    """Return the value as it may be shown; that a value comes later is no secret."""
    return variable.value if show_secrets or variable.value == SET_AT_START else variable.masked()
