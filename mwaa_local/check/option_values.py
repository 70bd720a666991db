"""Findings on the values of Airflow configuration options that depend on MWAA or on other options. Pure.

Not for their names, and not for values that lose to another layer's: that is `options`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mwaa_local.environment.classes import ENVIRONMENT_CLASSES, EnvironmentClass
from mwaa_local.finding import ERROR, WARNING

BEYOND_CLASS, VALUE, NO_USERS = "option-beyond-class", "option-value", "option-without-users"
RULES = {
    BEYOND_CLASS: "a worker would run more tasks at a time than the environment class is made for",
    VALUE: "a component does not start with this value",
    NO_USERS: "the REST API asks for a password, and MWAA has no users with passwords",
}
AUTOSCALE = "celery.worker_autoscale"
MOST_NUMBERS = 2  # "most,least", or the most alone (celery.bin.worker, Autoscale)
# The option's name by releases: up to 2.2, from 2.3 on, with FAB on Airflow 3.
AUTH_BACKENDS = ("api.auth_backend", "api.auth_backends", "fab.auth_backends")
BASIC_AUTH = ".basic_auth"  # airflow.api.auth.backend.basic_auth, and that of the FAB provider
# The backend for those who are logged in; Airflow 2.2 has none (`airflow/api/auth/backend` of each release).
SESSION = {
    "api.auth_backends": "airflow.api.auth.backend.session",
    "fab.auth_backends": "airflow.providers.fab.auth_manager.api.auth.backend.session",
}


@dataclass(frozen=True)
class ValueRemark:
    """What is wrong with one option's value, without its place."""

    rule: str
    severity: str
    what: str
    why: str
    hint: str


def value_remarks(options: Mapping[str, str], of_class: EnvironmentClass) -> Iterator[tuple[str, ValueRemark]]:
    """Yield the options as they are written, each with what is to be said of its value."""
    for option, value in options.items():
        name = option.lower()
        if name == AUTOSCALE:
            yield from ((option, remark) for remark in _autoscale(value, of_class))
        elif name in AUTH_BACKENDS and any(item.strip().endswith(BASIC_AUTH) for item in value.split(",")):
            yield option, _basic_auth(name)


def _autoscale(value: str, of_class: EnvironmentClass) -> Iterator[ValueRemark]:
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if not 0 < len(numbers) <= MOST_NUMBERS:
        why = 'Celery takes two whole numbers, "most,least", and starts no worker with anything else.'
        yield ValueRemark(VALUE, ERROR, "is no pair of numbers", why, f'write "{of_class.worker_autoscale}"')
    elif max(numbers) > of_class.worker_slots:
        yield _beyond(max(numbers), of_class)


def _beyond(slots: int, of_class: EnvironmentClass) -> ValueRemark:
    size = of_class.worker
    larger = next((item.name for item in ENVIRONMENT_CLASSES.values() if item.worker_slots >= slots), "")
    return ValueRemark(
        BEYOND_CLASS,
        WARNING,
        f"lets a worker run {slots} tasks at a time; {of_class.name} is made for {of_class.worker_slots}",
        f"MWAA takes the value, but one worker of {of_class.name} has {size.vcpus} vCPU and {size.memory_gb} GB of"
        " memory for all of them.",
        f"use EnvironmentClass: {larger}, or keep it if the tasks only wait" if larger else "lower it",
    )


def _basic_auth(name: str) -> ValueRemark:
    instead = f"use {SESSION[name]}" if name in SESSION else "remove it"
    return ValueRemark(
        NO_USERS,
        WARNING,
        "names basic_auth, with which nobody gets in on MWAA",
        "MWAA has no users with passwords: the REST API is reached with IAM, by InvokeRestApi or a web login token.",
        f"{instead}, and call the API by InvokeRestApi",
    )
