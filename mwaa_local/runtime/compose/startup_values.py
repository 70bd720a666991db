"""What a container needs to know to merge its own startup script's variables as `configuration.merge` does. Pure.

A container's variables come from `merge` without any export; the script runs only when the container does. So that the
entry point (docker/entrypoint/) knows nothing of layers, it gets the result of asking `merge` what exports would do:

| key | what it says |
|---|---|
| `view` | the variables that the script itself sees, over the container's own |
| `locked` | names that keep their value whatever the script exports |
| `locked_if_set` | names that do so where the container has them from somewhere else, its image for example |
| `yields` | exported name -> {other name: its value from then on, or null when it is gone} |
| `celery` | null, or how an exported extra_celery_config reaches Celery (`_celery`) |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mwaa_local.configuration.celery_defaults import celery_defaults
from mwaa_local.configuration.folders import FOLDER_OPTIONS
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import (
    CLASS_RESERVED_VARIABLES,
    EXTRA_CELERY_CONFIG,
    MIGRATE_DB,
    MWAA_BROKER_KEYS,
    MergedVariables,
    celery_config,
    merge,
    startup_view,
)
from mwaa_local.configuration.option_names import variable_name
from mwaa_local.configuration.spellings import OLDER_SPELLINGS
from mwaa_local.environment.environment import Environment
from mwaa_local.release import Release

# Any key that neither MWAA nor Celery has will do.
_PROBE = {"mwaa_local_probe": True}
_Merge = Callable[[Mapping[str, str]], MergedVariables]


def startup_values(
    release: Release,
    environment: Environment,
    local_values: LocalValues,
    *,
    component: str,
    container: Mapping[str, str],
) -> dict[str, Any]:
    """Return the values, all of them plain JSON, for one MWAA component; see the module. `migrate-db` has no script.

    `container` is what the runtime gives the container, as `merge` takes it. What the image and the engine add to that
    need not be known.
    """
    if component == MIGRATE_DB:
        raise ValueError("migrate-db runs no startup script")

    def merged(exports: Mapping[str, str]) -> MergedVariables:
        return merge(
            release,
            environment,
            local_values,
            component=component,
            container=container,
            startup_exports=exports,
        )

    return {
        "view": startup_view(release, environment, local_values, component=component, container=container),
        "locked": _locked(merged),
        "locked_if_set": sorted({*CLASS_RESERVED_VARIABLES, *release.protected_variables}),
        "yields": _yields(release, merged),
        "celery": _celery(release, local_values, merged),
    }


def _locked(merged: _Merge) -> list[str]:
    """Return the names that win over an export, found by exporting all there are."""
    names = {*merged({}).variables, *CLASS_RESERVED_VARIABLES, *map(variable_name, FOLDER_OPTIONS)}
    variables = merged(dict.fromkeys(names, "")).variables
    return sorted(name for name in names if variables[name].source is not Layer.STARTUP_SCRIPT)


def _yields(release: Release, merged: _Merge) -> dict[str, dict[str, str | None]]:
    """Return what an export does to variables besides setting its own.

    Our own defaults go when an older spelling is set, and folders that are set are forced.
    """
    before = merged({}).as_env()
    yields: dict[str, dict[str, str | None]] = dict(_forced_folders(release, merged, before))
    for option in release.local_default_options:
        for name in map(variable_name, OLDER_SPELLINGS.get(option, ())):
            after = merged({name: ""}).as_env()
            changed = {
                other: after.get(other) for other in before if other != name and after.get(other) != before[other]
            }
            if changed:
                yields[name] = changed
    return yields


def _forced_folders(
    release: Release, merged: _Merge, before: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, str | None]]]:
    for option in FOLDER_OPTIONS & release.local_forced_options.keys():
        variable = variable_name(option)
        for name in (variable, *map(variable_name, OLDER_SPELLINGS.get(option, ()))):
            after = merged({name: ""}).as_env()
            if variable not in before:
                yield name, {variable: after[variable]}


def _celery(release: Release, local_values: LocalValues, merged: _Merge) -> dict[str, Any] | None:
    """Return how an exported extra_celery_config reaches Celery; None when an option of the user's beats it anyway.

    `option` is the variable that a script exports; `variables` those that then hold `ours` and its keys as JSON;
    `not_theirs` the keys that it cannot set.
    """
    before, after = merged({}), merged({EXTRA_CELERY_CONFIG: json.dumps(_PROBE)})
    changed = sorted(
        name
        for name, variable in after.variables.items()
        if variable.source is not Layer.STARTUP_SCRIPT and variable != before.variables.get(name)
    )
    if not changed:
        return None
    forced = celery_config(release, local_values)
    ours = {**celery_defaults(release), **forced}
    for name in changed:  # a template with more than the placeholder in it is beyond the entry point
        assert after.variables[name].value == json.dumps({**ours, **_PROBE}), name
    return {
        "option": EXTRA_CELERY_CONFIG,
        "variables": changed,
        "ours": ours,
        "not_theirs": sorted({*MWAA_BROKER_KEYS, *forced}),
    }
