"""Which rules of MWAA the members of an environment break: those of its service model, and those it only documents.

Finding the members, and the section that is not MWAA's, is `environment`'s part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from mwaa_local.environment.classes import (
    DEFAULT_ENVIRONMENT_CLASS,
    DEFAULT_MAX_WORKERS,
    DEFAULT_MIN_WORKERS,
    DEFAULT_SCHEDULERS,
    ENVIRONMENT_CLASSES,
    MICRO,
    ONLY_ONE,
)
from mwaa_local.environment.members import LOCAL
from mwaa_local.environment.service_model import Check, Violation, closest_name, dotted, plain_name, shown, unknown_name
from mwaa_local.errors import ReleaseUnknown
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release

INPUT_SHAPE = "CreateEnvironmentInput"
OPTIONS = "AirflowConfigurationOptions"
COUNTS = ("Schedulers", "MinWorkers", "MaxWorkers", "MinWebservers", "MaxWebservers")
# Access by both ways came in May 2026 for this release and later (MWAA user guide, "Apache Airflow access modes").
PUBLIC_AND_PRIVATE = "PUBLIC_AND_PRIVATE"
PUBLIC_AND_PRIVATE_SINCE = "3.2.1"


def is_airflow_1(airflow_version: str) -> bool:
    return airflow_version.startswith("1.")


def broken_rules(members: Mapping[str, Any], check: Check, local_members: Sequence[str]) -> list[Violation]:
    """Return all rules broken by members of CreateEnvironment: the model's first, then those of MWAA's documentation.

    What the model requires at the top (roles, bucket, network) need not be there on this machine.
    """
    shapes = check.model.members(INPUT_SHAPE)
    found: list[Violation] = []
    for name, value in members.items():
        if name in shapes:
            found += check.violations(shapes[name], value, (name,))
        else:
            found.append(_unknown_member(name, shapes, local_members))
    broken = {violation.path[0] for violation in found}
    found += _documented_rules(members, broken)
    options = members.get(OPTIONS)
    if isinstance(options, Mapping):
        bad_keys = {violation.path for violation in found if violation.about_key}
        found += _option_key_rules({key: value for key, value in options.items() if (OPTIONS, key) not in bad_keys})
    return [_with_option_fix(each, options) for each in found]


def _unknown_member(name: str, shapes: Mapping[str, Any], local_members: Sequence[str]) -> Violation:
    rule = "is not a member of MWAA's CreateEnvironment"
    if plain_name(name) in map(plain_name, local_members):
        return Violation((name,), rule, f"move it into the {LOCAL} section, as {closest_name(name, local_members)}")
    if "." in name:
        return Violation((name,), rule, f"indent it, so that it is inside {OPTIONS}")
    return unknown_name((name,), [*shapes, LOCAL], rule)


def _with_option_fix(violation: Violation, options: Any) -> Violation:
    """Return the violation with the fix that people need most when it is about an Airflow configuration option."""
    if violation.path[0] != OPTIONS or len(violation.path) == 1 or violation.fix_is_exact:
        return violation
    key = str(violation.path[1])
    fix = _option_key_fix(key) if violation.about_key else _option_value_fix(dotted((key,)), options[key])
    return replace(violation, fix=fix)


def _option_key_fix(key: str) -> str:
    meant = re.sub(r"^airflow\.", "", key.lower().replace("__", ".").replace("-", "_"))
    if meant != key and re.fullmatch(r"[a-z]\w*\.\w+", meant, re.ASCII):
        return f"write {meant}"
    return "write section.option in lower-case letters, digits and _, as in core.parallelism"


def _option_value_fix(key: str, value: Any) -> str:
    if value is None:
        return f"give {key} a value, in quotes if it starts with # or &, or remove the line"
    if isinstance(value, str):
        return "use printable ASCII on one line (in JSON, \\u escapes stand for other characters)"
    if isinstance(value, Mapping) and "." not in key:
        return f"write {key}.option: value for each option in {key}"
    return f"put the value of {key} in quotes"


def _option_key_rules(options: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield options whose key is not exactly `section.option`.

    MWAA's pattern lets other keys through, and what it then makes of them is not documented.
    """
    for key, value in options.items():
        dots = key.count(".")
        if dots == 0 and not isinstance(value, Mapping):  # a nested section has been reported as no text
            rule = "has no section: MWAA's options are named section.option"
            fix = f"write the section too, as in core.{key}"
            yield Violation((OPTIONS, key), rule, fix, about_key=True, fix_is_exact=True)
        elif dots > 1:
            rule = f"has {dots} dots; an option is section.option, and what MWAA makes of more dots is not documented"
            fix = "keep the dot between section and option, and write _ for the others"
            yield Violation((OPTIONS, key), rule, fix, about_key=True, fix_is_exact=True)


def _documented_rules(members: Mapping[str, Any], broken: Set[str | int]) -> Iterator[Violation]:
    """Yield broken rules that MWAA documents without putting them into its model.

    A rule about a member that is `broken` already stays silent: nobody knows yet what is meant.
    """
    class_name = members.get("EnvironmentClass", DEFAULT_ENVIRONMENT_CLASS)
    class_known = "EnvironmentClass" not in broken and class_name in ENVIRONMENT_CLASSES
    if not class_known and "EnvironmentClass" not in broken:
        known = ", ".join(ENVIRONMENT_CLASSES)
        fix = f"write {closest_name(class_name, ENVIRONMENT_CLASSES) or f'one of {known}'}"
        yield Violation(("EnvironmentClass",), f"must be one of {known}, not {shown(class_name)}", fix)
    if not broken & {"AirflowVersion", "WebserverAccessMode"}:
        yield from _release_rules(members)
    sound = {name: members[name] for name in COUNTS if name in members and name not in broken}
    if class_known and class_name == MICRO:
        yield from _micro_rules(sound)
    elif class_known:
        if "AirflowVersion" not in broken:
            yield from _scheduler_rules(sound, members.get("AirflowVersion", DEFAULT_AIRFLOW_VERSION))
        if "MinWorkers" not in broken and "MaxWorkers" not in broken:
            yield from _order_rules(sound, "MinWorkers", "MaxWorkers", DEFAULT_MIN_WORKERS, DEFAULT_MAX_WORKERS)
        yield from _order_rules(sound, "MinWebservers", "MaxWebservers", None, None)


def _release_rules(members: Mapping[str, Any]) -> Iterator[Violation]:
    wants_both = members.get("WebserverAccessMode") == PUBLIC_AND_PRIVATE
    if "AirflowVersion" not in members and not wants_both:
        return
    try:
        release = Release.load(members.get("AirflowVersion", DEFAULT_AIRFLOW_VERSION))
    except ReleaseUnknown as error:
        yield Violation(("AirflowVersion",), f"{error.what}. {error.why}".removesuffix(". "), error.hint)
        return
    if wants_both and not release.is_at_least(PUBLIC_AND_PRIVATE_SINCE):
        rule = f"{PUBLIC_AND_PRIVATE} needs Airflow {PUBLIC_AND_PRIVATE_SINCE} or later, not {release.airflow_version}"
        fix = f"write PUBLIC_ONLY or PRIVATE_ONLY, or AirflowVersion: {DEFAULT_AIRFLOW_VERSION}"
        yield Violation(("WebserverAccessMode",), rule, fix)


def _micro_rules(members: Mapping[str, Any]) -> Iterator[Violation]:
    for name in COUNTS:
        if members.get(name, ONLY_ONE) != ONLY_ONE:
            rule = f"must be {ONLY_ONE} in {MICRO}, which has one of each component, not {members[name]}"
            yield Violation((name,), rule, f"remove {name}, or use EnvironmentClass: {DEFAULT_ENVIRONMENT_CLASS}")


def _scheduler_rules(members: Mapping[str, Any], airflow_version: str) -> Iterator[Violation]:
    schedulers = members.get("Schedulers")
    if schedulers is None:
        return
    if is_airflow_1(airflow_version):
        if schedulers != ONLY_ONE:
            rule = f"must be {ONLY_ONE} under Airflow 1, not {schedulers}"
            yield Violation(("Schedulers",), rule, f"write Schedulers: {ONLY_ONE}")
    elif schedulers < DEFAULT_SCHEDULERS:
        rule = f"must be at least {DEFAULT_SCHEDULERS} in every class but {MICRO}, not {schedulers}"
        yield Violation(("Schedulers",), rule, f"write Schedulers: {DEFAULT_SCHEDULERS}")


def _order_rules(
    members: Mapping[str, Any], least: str, most: str, default_least: int | None, default_most: int | None
) -> Iterator[Violation]:
    if least not in members and most not in members:
        return
    low, high = members.get(least, default_least), members.get(most, default_most)
    if low is None or high is None or low <= high:
        return
    origin = "" if most in members else ", MWAA's default"
    rule = f"must not be more than {most} ({high}{origin}), but is {low}"
    yield Violation((least if least in members else most,), rule, f"write {most}: {low} or more, or lower {least}")
