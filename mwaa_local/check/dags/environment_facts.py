"""What rules on DAG files know of the environment: one value, so that a rule does not ask for options itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mwaa_local.scaling.slots import autoscale_most

DEFAULT_CLASS, DEFAULT_SLOTS = "mw1.small", 5  # MWAA user guide, "environment class"
_DEFERRABLE = "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"
_TRUE = ("true", "t", "1")  # as Airflow reads a truth value


@dataclass(frozen=True)
class EnvironmentFacts:
    """Facts of one environment, by default those of MWAA's smallest usual class."""

    environment_class: str = DEFAULT_CLASS
    worker_slots: int = DEFAULT_SLOTS  # tasks that one worker runs at a time
    default_deferrable: bool = False  # operators.default_deferrable

    @classmethod
    def of(cls, environment_class: str, variables: Mapping[str, str]) -> EnvironmentFacts:
        """Return the facts that the variables of the environment's components tell."""
        slots = autoscale_most(variables) or DEFAULT_SLOTS
        return cls(environment_class, slots, variables.get(_DEFERRABLE, "").strip().lower() in _TRUE)


USUAL = EnvironmentFacts()
