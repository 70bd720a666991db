"""Findings on the values of Airflow configuration options: of a wrong kind, or not right on MWAA. Pure.

Not for their names, and not for values that lose to another layer's: that is `options`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mwaa_local.check.known_options import KnownOptions
from mwaa_local.environment.classes import ENVIRONMENT_CLASSES, EnvironmentClass
from mwaa_local.finding import ERROR, WARNING

BEYOND_CLASS, VALUE, NO_USERS = "option-beyond-class", "option-value", "option-without-users"
RULES = {
    BEYOND_CLASS: "a worker would run more tasks at a time than the environment class is made for",
    VALUE: "Airflow cannot use this value: no component starts with it, or what reads it fails",
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


BACKEND_ARGUMENTS = ("secrets.backend_kwargs", "workers.secrets_backend_kwargs")  # of secrets backends, as JSON
EXPANDED = frozenset("$~")  # Airflow puts variables and the home folder into a value before it reads it
MAX_SHOWN = 30  # characters of a value
# Described as boolean, and read as the text that it is (Airflow 2.2.2 and 2.10.3).
READ_AS_TEXT = frozenset({"celery.task_track_started", "logging.dag_processor_manager_log_stdout"})
TRUTH_VALUES = frozenset({"t", "true", "1", "f", "false", "0"})


@dataclass(frozen=True)
class _Reader:
    """How Airflow turns a text into a value of one kind."""

    function: str
    reads: Callable[[str], bool]
    lacks: str
    hint: str


def _converts(convert: Callable[[str], object]) -> Callable[[str], bool]:
    def reads(value: str) -> bool:
        try:
            convert(value)
        except ValueError:
            return False
        return True

    return reads


# Source: `getint`, `getfloat` and `getboolean` of AirflowConfigParser, alike in all releases.
READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        # A number with a point passes: some options that are described as integers are read with getfloat.
        "integer": _Reader("getint or getfloat", _converts(float), "no number", "write a whole number, in digits"),
        "float": _Reader("getfloat", _converts(float), "no number", "write a number, in digits"),
        "boolean": _Reader(
            "getboolean",
            lambda value: value.lower().partition("#")[0].strip() in TRUTH_VALUES,
            "neither true nor false to Airflow",
            "write True or False",
        ),
    }
)


@dataclass(frozen=True)
class ValueRemark:
    """What is wrong with one option's value, without its place."""

    rule: str
    severity: str
    what: str
    why: str
    hint: str


def value_remarks(
    options: Mapping[str, str], of_class: EnvironmentClass, known: KnownOptions
) -> Iterator[tuple[str, ValueRemark]]:
    """Yield the options as they are written, each with what is to be said of its value."""
    for option, value in options.items():
        name = option.lower()
        if name == AUTOSCALE:
            yield from ((option, remark) for remark in _autoscale(value, of_class))
        elif name in AUTH_BACKENDS and any(item.strip().endswith(BASIC_AUTH) for item in value.split(",")):
            yield option, _basic_auth(name)
        elif name in BACKEND_ARGUMENTS and "$" not in value:
            yield from ((option, remark) for remark in _arguments(value))
        elif is_plain(value):
            yield from ((option, remark) for remark in _of_kind(known.moved.get(name, name), value, known))


def is_plain(value: str) -> bool:
    """Whether Airflow takes the value as it stands, so that it can be judged: nothing is expanded in it."""
    return bool(value.strip()) and not set(value) & EXPANDED


def _of_kind(name: str, value: str, known: KnownOptions) -> Iterator[ValueRemark]:
    """Yield what Airflow refuses, by its own tables."""
    kind, choices = known.types.get(name, ""), known.choices.get(name, ())
    if choices and value not in choices:
        said = f"cannot be {value!r}" if len(value) <= MAX_SHOWN else "has a value that Airflow does not know"
        why = f"Airflow compares it when it starts: no component does, and no DAG is loaded. It takes {_list(choices)}."
        close = [item for item in choices if item.lower() == value.strip().lower()] or difflib.get_close_matches(
            value.upper() if choices[0].isupper() else value.lower(), [*filter(None, choices)], 1
        )
        yield ValueRemark(VALUE, ERROR, said, why, f"write {close[0]}" if close else f"write one of {_list(choices)}")
    elif kind in READERS and name not in READ_AS_TEXT and not READERS[kind].reads(value):
        reader = READERS[kind]
        why = f"Airflow reads it with {reader.function}, which raises AirflowConfigException for anything else."
        yield ValueRemark(VALUE, ERROR, f"is {reader.lacks}", why, reader.hint)


def _list(choices: Sequence[str]) -> str:
    return ", ".join(filter(None, choices))


def _arguments(value: str) -> Iterator[ValueRemark]:
    """Yield what is wrong with a secrets backend's arguments, and nothing of the text itself, which may be secret."""
    try:
        wrong = "" if not value.strip() or isinstance(json.loads(value), dict) else "is JSON, but not an object"
    except json.JSONDecodeError as error:
        wrong = f"is not valid JSON ({error.msg}, character {error.pos + 1})"
    except (ValueError, RecursionError):  # a number too long, brackets too deep
        wrong = "is JSON that cannot be read"
    if wrong:
        why = "Airflow then makes the secrets backend without any argument: it does not look below your prefixes."
        yield ValueRemark(VALUE, WARNING, wrong, why, 'write a JSON object, as in {"connections_prefix": "…"}')


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
