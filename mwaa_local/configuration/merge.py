"""Who sets which environment variable of a component: MWAA's layers, merged once, with every value's origin kept.

Pure: nothing here reads a file or this process's own environment. What is shown of the result: `shown`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from mwaa_local.configuration.celery_defaults import celery_defaults
from mwaa_local.configuration.class_defaults import class_defaults, parallelism_here
from mwaa_local.configuration.dependence import overruled_by_another, without_need
from mwaa_local.configuration.folders import needed_folders
from mwaa_local.configuration.layers import LAYERS_WITHOUT_PLACEHOLDERS, USER_LAYERS, EnvVar, Layer, Overruled
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.log_levels import debug_variables
from mwaa_local.configuration.option_names import translate, variable_name
from mwaa_local.configuration.spellings import OLDER_SPELLINGS, overruled_by_spelling, spellings_known_to
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import Intervals
from mwaa_local.masking import is_secret
from mwaa_local.release import Release

WEBSERVER = "webserver"
MIGRATE_DB = "migrate-db"
COMPONENTS = ("scheduler", "dag-processor", "triggerer", "worker", WEBSERVER, MIGRATE_DB)
# The only option of the user's that MWAA hands to its migration container (execute of `migrate-db`, setup_environment).
MIGRATE_DB_OPTIONS = ("core.default_pool_task_slot_count",)
# dag-processor and triggerer run in the scheduler's container (amazon-mwaa-docker-images, execute_command.py).
MWAA_COMPONENT_OF = MappingProxyType({"dag-processor": "scheduler", "triggerer": "scheduler"})
# Where Airflow does not read celery.extra_celery_config, `mwaa_support.celery_config` finds the same JSON here.
CELERY_CONFIG_VARIABLE = "MWAA_LOCAL_CELERY_CONFIG"
# Of the local defaults, those that are no interval and so stay when MWAA's intervals are asked for.
LOCAL_DEFAULTS_THAT_ARE_NO_INTERVALS = frozenset(
    {"api.server_type", "fab.session_lifetime_minutes", "webserver.session_lifetime_minutes"}
)
# Variables whose class default a startup script cannot change: listed as reserved in the MWAA user guide, "Using a
# startup script". The last is the Airflow 3 name of the one before.
CLASS_RESERVED_VARIABLES = frozenset(
    {
        "AIRFLOW__CELERY__WORKER_AUTOSCALE",
        "AIRFLOW__CORE__PARALLELISM",
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES",
    }
)
# MWAA replaces these keys of a customer's celery.extra_celery_config as a whole (3.2.1 and later).
MWAA_BROKER_KEYS = frozenset({"broker_transport", "broker_transport_options"})
EXTRA_CELERY_CONFIG = "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"
RESERVED_RULE = (
    "MWAA reserves this variable: the startup script's value is discarded. Set it as a configuration option instead."
)

CELERY_CONFIG_PLACEHOLDER = "celery_config_json"
PLACEHOLDERS = frozenset({*(item.name for item in fields(LocalValues)), CELERY_CONFIG_PLACEHOLDER})
_PLACEHOLDER_PATTERN = re.compile(r"\{(" + "|".join(sorted(PLACEHOLDERS)) + r")\}")


@dataclass(frozen=True)
class MergedVariables:
    """The complete environment of one component.

    `candidates` holds every layer's value by name, weakest first; `remarks` says, by name, what is odd about a
    user's option that took effect as a variable but not in Airflow.
    """

    variables: Mapping[str, EnvVar]
    overruled: tuple[Overruled, ...]
    candidates: Mapping[str, tuple[EnvVar, ...]] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)

    def as_env(self) -> dict[str, str]:
        return {name: variable.value for name, variable in self.variables.items()}

    def get(self, option: str) -> EnvVar | None:
        """Return the variable of an option `section.key`, or None when no layer sets it."""
        return self.variables.get(variable_name(option))

    def is_set_by_user(self, option: str) -> bool:
        """Whether the value that counts is the user's."""
        variable = self.get(option)
        return variable is not None and variable.source in USER_LAYERS


def worker_queues(release: Release, local_values: LocalValues) -> tuple[str, ...]:
    """Return the queues that a worker must serve (`celery worker -q`): the environment's, and its aliases.

    On SQS an alias is the same queue. Celery cannot say so in JSON, hence two queues here, served by the same worker.
    """
    return tuple(dict.fromkeys([local_values.default_queue, *release.queue_aliases]))


def celery_config(release: Release, local_values: LocalValues) -> dict[str, Any]:
    """Return Celery's settings for the local broker: the environment's queue exists, and others are not created.

    A task with another `queue=` then fails when it is sent, as on MWAA, where SQS has predefined queues only.
    """
    # Each queue gets an exchange of its own: two queues bound alike would both receive a message.
    queues = {name: {"exchange": name, "routing_key": name} for name in worker_queues(release, local_values)}
    return {"task_create_missing_queues": False, "task_queues": queues}


def merge(
    release: Release,
    environment: Environment,
    local_values: LocalValues,
    *,
    component: str,
    container: Mapping[str, str],
    startup_exports: Mapping[str, str] = MappingProxyType({}),
) -> MergedVariables:
    """Return the environment in which `component` runs.

    `container` is what the runtime gives every process, complete; `startup_exports` what the startup script left
    exported, by variable name. `migrate-db` gets none of the exports and of the options only MIGRATE_DB_OPTIONS.

    Raises ConfigOptionInvalid for an option that is not `section.key`.
    """
    exports = {} if component == MIGRATE_DB else startup_exports
    options = _user_options(environment, component)
    case = _Case(release, environment, local_values, component, container, exports, options)
    return _merge(case, protect=True)


def startup_view(
    release: Release,
    environment: Environment,
    local_values: LocalValues,
    *,
    component: str,
    container: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment in which the startup script itself runs.

    Container, defaults, options, essentials; protected names are not restored before the script has ended.
    Source: amazon-mwaa-docker-images, `setup_environment.py`.
    """
    options = _user_options(environment, component)
    case = _Case(release, environment, local_values, component, container, {}, options)
    return _merge(case, protect=False).as_env()


def user_notes(merged: MergedVariables) -> list[Overruled]:
    """Return the values that the user set, by option or startup script, and that have no effect."""
    return [loser for loser in merged.overruled if loser.source in USER_LAYERS]


@dataclass(frozen=True)
class _Case:
    """All that one merge starts from; `user_options` by variable name, only those that this component gets."""

    release: Release
    environment: Environment
    local_values: LocalValues
    component: str
    container: Mapping[str, str]
    exports: Mapping[str, str]
    user_options: Mapping[str, str]

    def is_set_by_user(self, option: str) -> bool:
        name = variable_name(option)
        return name in self.exports or name in self.user_options

    def is_protected(self, name: str) -> bool:
        return name.startswith("MWAA__") or name in self.release.protected_variables


def _user_options(environment: Environment, component: str) -> dict[str, str]:
    options = environment.airflow_configuration_options
    if component == MIGRATE_DB:
        options = {option: value for option, value in options.items() if option in MIGRATE_DB_OPTIONS}
    return translate(options)


@dataclass(frozen=True)
class _Outcome:
    """What became of one layer's value, where the winner's rule does not tell it. Without a reason it was kept."""

    reason: str = ""
    part: str = ""
    fix: str = "remove it"


_Outcomes = Mapping[tuple[str, Layer], _Outcome]  # by variable and layer


def _merge(case: _Case, *, protect: bool) -> MergedVariables:
    celery_json, outcomes = _merge_celery_config(case)
    layers = _layers(case, protect=protect)
    filled = {**vars(case.local_values), CELERY_CONFIG_PLACEHOLDER: celery_json}
    candidates: dict[str, list[EnvVar]] = {}
    for layer in Layer:
        for name, value in layers[layer].items():
            if layer not in LAYERS_WITHOUT_PLACEHOLDERS:
                value = fill(value, filled)
            candidates.setdefault(name, []).append(EnvVar(name, value, layer, is_secret(name, value)))
    variables = {name: _winner(stack) for name, stack in candidates.items()}
    by_spelling = overruled_by_spelling(spellings_known_to(layers), variables)
    by_name = _overruled_by_name(candidates, variables, outcomes)
    return MergedVariables(
        variables=variables,
        overruled=(*by_name, *by_spelling, *overruled_by_another(variables)),
        candidates={name: tuple(stack) for name, stack in candidates.items()},
        remarks={**_remarks(case), **without_need(variables)},
    )


def _layers(case: _Case, *, protect: bool) -> dict[Layer, Mapping[str, str]]:
    """Return each layer's variables, placeholders not yet filled."""
    release, environment = case.release, case.environment
    environment_class = environment.environment_class_facts
    of_class = class_defaults(release, environment_class, environment.max_workers, environment.schedulers)
    for_schedulers = parallelism_here(of_class, environment.schedulers, environment.schedulers_here)
    of_this_machine = needed_folders(release.local_forced_options, case.is_set_by_user)
    return {
        Layer.CONTAINER: case.container,
        Layer.IMAGE_DEFAULT: {
            **translate(release.default_options),
            **release.default_variables,
            **debug_variables(environment, release),
        },
        Layer.CLASS_DEFAULT: translate(of_class),
        Layer.LOCAL_DEFAULT: translate({**_local_defaults(case), **for_schedulers}),
        Layer.STARTUP_SCRIPT: case.exports,
        Layer.OPTION: case.user_options,
        Layer.PROTECTED: {k: v for k, v in case.container.items() if protect and case.is_protected(k)},
        Layer.ESSENTIAL: {**translate(release.forced_options), **_forced_variables(case)},
        Layer.LOCAL_ESSENTIAL: {**translate(of_this_machine), **_local_forced_variables(case)},
    }


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the text with its placeholders replaced, once; other braces, as in JSON, stay as they are."""
    return _PLACEHOLDER_PATTERN.sub(lambda match: values[match[1]], template)


def _is_reserved(item: EnvVar) -> bool:
    return item.source is Layer.STARTUP_SCRIPT and item.name in CLASS_RESERVED_VARIABLES


def _winner(stack: Sequence[EnvVar]) -> EnvVar:
    """Return the strongest value: the last, except that a startup script cannot change what the class reserves."""
    return ([item for item in stack if not _is_reserved(item)] or stack)[-1]


def _overruled_by_name(
    candidates: Mapping[str, Sequence[EnvVar]], variables: Mapping[str, EnvVar], outcomes: _Outcomes
) -> Iterator[Overruled]:
    """Yield the values that lost to a stronger layer's value of the same variable."""
    for name, stack in candidates.items():
        winner = variables[name]
        for item in stack:
            rule = RESERVED_RULE if _is_reserved(item) else winner.source.rule
            outcome = outcomes.get((name, item.source), _Outcome(rule))
            if item.value != winner.value and outcome.reason:
                yield Overruled(name, item.value, item.source, winner, outcome.reason, outcome.part, outcome.fix)


def _local_defaults(case: _Case) -> dict[str, str]:
    """Return our own defaults, without those that would silence an older spelling which the user set."""
    defaults = case.release.local_default_options
    keep_intervals = case.environment.local.intervals is not Intervals.MWAA
    return {
        option: value
        for option, value in defaults.items()
        if (keep_intervals or option in LOCAL_DEFAULTS_THAT_ARE_NO_INTERVALS)
        and not any(case.is_set_by_user(spelling) for spelling in OLDER_SPELLINGS.get(option, ()))
    }


def _forced_variables(case: _Case) -> dict[str, str]:
    """Source: amazon-mwaa-docker-images, `config/environ.py`, the variables that a customer cannot change."""
    component = MWAA_COMPONENT_OF.get(case.component, case.component)
    return {
        "AWS_EXECUTION_ENV": "Amazon_MWAA_" + case.release.airflow_version.replace(".", ""),
        "MWAA_AIRFLOW_COMPONENT": component,
        "MWAA_COMMAND": component,
    }


def _local_forced_variables(case: _Case) -> dict[str, str]:
    """Return what `mwaa_support` reads: broker settings, where no option has them."""
    release, placeholder = case.release, f"{{{CELERY_CONFIG_PLACEHOLDER}}}"
    tables = (release.forced_options, release.local_forced_options)
    variables = {}
    if not any(placeholder in value for table in tables for value in table.values()):
        variables[CELERY_CONFIG_VARIABLE] = placeholder
    return variables


def _merge_celery_config(case: _Case) -> tuple[str, _Outcomes]:
    """Return the user's settings between our defaults and the queue's own as JSON, and what became of the user's.

    Source: amazon-mwaa-docker-images, `config/airflow.py` of 3.2.1 and later: a customer's keys survive under MWAA's,
    JSON that cannot be used is ignored.
    """
    ours, defaults = celery_config(case.release, case.local_values), celery_defaults(case.release)
    for layer, values in ((Layer.OPTION, case.user_options), (Layer.STARTUP_SCRIPT, case.exports)):
        if EXTRA_CELERY_CONFIG in values:
            theirs, reason = _read_celery_config(values[EXTRA_CELERY_CONFIG])
            lost = sorted(theirs.keys() & (MWAA_BROKER_KEYS | ours.keys()))
            kept = {key: value for key, value in theirs.items() if key not in lost}
            outcome = _celery_outcome(lost, kept) if lost else _Outcome(reason, fix="write a JSON object")
            return json.dumps({**defaults, **ours, **kept}), {(EXTRA_CELERY_CONFIG, layer): outcome}
    return json.dumps({**defaults, **ours}), {}


def _celery_outcome(lost: Sequence[str], kept: Mapping[str, Any]) -> _Outcome:
    names = ", ".join(lost)
    if not kept:
        return _Outcome(f"MWAA sets {names} itself.")
    reason = f"MWAA merges the value with its own, and sets {names} itself; your other keys are kept."
    return _Outcome(reason, names, f"remove {names} from it")


def _read_celery_config(text: str) -> tuple[dict[str, Any], str]:
    """Return the JSON object, or an empty one and why it is ignored. The reason holds nothing of the text itself."""
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        return {}, f"It is not valid JSON ({error.msg}, character {error.pos + 1}); MWAA ignores it as a whole."
    except (ValueError, RecursionError):  # a number too long, brackets too deep
        return {}, "It is JSON that cannot be read; MWAA ignores it as a whole."
    if not isinstance(plain, dict):
        return {}, "It is JSON, but not an object; MWAA ignores it as a whole."
    return plain, ""


def _remarks(case: _Case) -> dict[str, str]:
    """Return what became of options that the user sets and this Airflow no longer has."""
    return {
        variable_name(option): f"Airflow {case.release.airflow_version} has no {option}: {became}"
        for option, became in case.release.removed_options.items()
        if case.is_set_by_user(option)
    }
