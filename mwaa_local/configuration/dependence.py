"""Options that another one makes useless, by being set or by not being set. Pure.

What loses to a stronger layer's value of the same option, or of the same under another spelling, is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mwaa_local.configuration.layers import USER_LAYERS, EnvVar, Overruled
from mwaa_local.configuration.option_names import variable_name

# Option -> the one that is followed in its place, and which MWAA sets in every environment. Sources: MWAA user guide,
# "Using Apache Airflow configuration options"; Airflow's `celery worker` gives Celery both, and --autoscale wins there.
STRONGER: Mapping[str, str] = MappingProxyType({"celery.worker_concurrency": "celery.worker_autoscale"})
# Option -> the one without which nothing reads it (`_get_custom_secret_backend` in Airflow's configuration.py).
NEEDED: Mapping[str, str] = MappingProxyType(
    {
        "secrets.backend_kwargs": "secrets.backend",
        "workers.secrets_backend_kwargs": "workers.secrets_backend",
    }
)


def overruled_by_another(variables: Mapping[str, EnvVar]) -> Iterator[Overruled]:
    """Yield what the user set although another option, which is set, is followed instead."""
    for option, other in STRONGER.items():
        loser, winner = variables.get(variable_name(option)), variables.get(variable_name(other))
        if loser is not None and winner is not None and loser.source in USER_LAYERS:
            reason = f"A worker takes the number of its slots from {other}, which is {winner.value}."
            fix = f"set {other} instead, as in {loser.value},{loser.value}"
            yield Overruled(loser.name, loser.value, loser.source, winner, reason, fix=fix)


def without_need(variables: Mapping[str, EnvVar]) -> dict[str, str]:
    """Return, by variable, why nothing reads what the user set: the option that it belongs to is not set."""
    return {
        variable_name(option): f"Nothing reads {option} as long as {needed} is not set."
        for option, needed in NEEDED.items()
        if variable_name(needed) not in variables and _is_of_user(variables.get(variable_name(option)))
    }


def _is_of_user(variable: EnvVar | None) -> bool:
    return variable is not None and variable.source in USER_LAYERS
