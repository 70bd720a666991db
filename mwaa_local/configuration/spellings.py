"""Other spellings under which Airflow takes an option, and what becomes of a value that was set under one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from mwaa_local.configuration.layers import LAYERS_WITHOUT_PLACEHOLDERS, USER_LAYERS, EnvVar, Layer, Overruled
from mwaa_local.configuration.option_names import option_name, variable_name

# Option -> spellings that Airflow takes for it, but reads only when the option itself is not set. Only options that
# some layer of ours sets; which of them a release has is decided by its tables.
# Source: Airflow's `AirflowConfigParser.deprecated_options` of 2.2.2, 2.10.3 and 3.3.1.
OLDER_SPELLINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "api.base_url": ("webserver.base_url",),
        "api.secret_key": ("webserver.secret_key",),
        "core.default_pool_task_slot_count": ("core.non_pooled_task_slot_count",),
        "core.execution_api_server_url": ("workers.execution_api_server_url",),
        "core.sensitive_var_conn_names": ("admin.sensitive_variable_fields",),
        "dag_processor.refresh_interval": ("scheduler.dag_dir_list_interval",),
        "database.sql_alchemy_conn": ("core.sql_alchemy_conn",),
        "logging.base_log_folder": ("core.base_log_folder",),
        "logging.colored_console_log": ("core.colored_console_log",),
        "operators.default_queue": ("celery.default_queue",),
        "scheduler.parsing_processes": ("scheduler.max_threads",),
        "triggerer.capacity": ("triggerer.default_capacity",),
    }
)
# Layers below the user's: a value of theirs gives way to one under the option's own name.
DEFAULT_LAYERS = (Layer.IMAGE_DEFAULT, Layer.CLASS_DEFAULT, Layer.LOCAL_DEFAULT)
# `X_CMD` and `X_SECRET` name a command or a secret that yields X; Airflow asks them only when X is not set.
INDIRECT_SUFFIXES = ("_cmd", "_secret")


def spellings_known_to(layers: Mapping[Layer, Mapping[str, str]]) -> dict[str, list[str]]:
    """Return other spellings of the options that a layer of ours sets, so that this Airflow is sure to have them."""
    spellings: dict[str, list[str]] = {}
    for layer in set(Layer) - set(LAYERS_WITHOUT_PLACEHOLDERS):
        for option in filter(None, map(option_name, layers[layer])):
            indirect = (option + suffix for suffix in INDIRECT_SUFFIXES)
            spellings[option] = [*OLDER_SPELLINGS.get(option, ()), *indirect]
    return spellings


def overruled_by_spelling(
    spellings: Mapping[str, Sequence[str]], variables: Mapping[str, EnvVar]
) -> Iterator[Overruled]:
    """Yield what the user set under another spelling of an option that is set under its own."""
    for option, others in sorted(spellings.items()):
        winner = variables[variable_name(option)]
        for spelling in others:
            loser = variables.get(variable_name(spelling))
            if loser is not None and loser.source in USER_LAYERS:
                state = f"that is {winner.masked()}" if winner.source in DEFAULT_LAYERS else "it is set"
                reason = f"Airflow reads {option} first, and {state}. {winner.source.rule}"
                yield Overruled(loser.name, loser.value, loser.source, winner, reason, fix=_fix(option, loser, winner))


def _fix(option: str, loser: EnvVar, winner: EnvVar) -> str:
    """Return how the user's value comes to count, or that it cannot."""
    is_older = option_name(loser.name) in OLDER_SPELLINGS.get(option, ())
    if not is_older or winner.source not in DEFAULT_LAYERS:
        return "remove it"
    if loser.source is Layer.STARTUP_SCRIPT:
        return f"write {winner.name}"
    return f"write {option}" if loser.secret else f"write {option}: {json.dumps(loser.value)}"
