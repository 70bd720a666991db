"""Findings on AirflowConfigurationOptions before they are uploaded. Pure.

MWAA takes any `section.key`; what Airflow does not know has no effect and no message. Not for who wins where several
layers set an option: that is `configuration.merge`, whose outcome is repeated here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mwaa_local.check import option_values
from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.option_sections import STILL_READ, releases_with
from mwaa_local.configuration.dependence import NEEDED
from mwaa_local.configuration.layers import Layer, Overruled
from mwaa_local.configuration.merge import MergedVariables, user_notes
from mwaa_local.configuration.option_names import translate, variable_name
from mwaa_local.configuration.spellings import INDIRECT_SUFFIXES
from mwaa_local.environment.classes import DEFAULT_ENVIRONMENT_CLASS, ENVIRONMENT_CLASSES, EnvironmentClass
from mwaa_local.errors import ConfigOptionInvalid
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding, in_order
from mwaa_local.masking import is_secret, secrets_of_json
from mwaa_local.release import Release

UNKNOWN_SECTION, UNKNOWN_KEY = "option-unknown-section", "option-unknown-key"
MOVED, REMOVED, DEPRECATED = "option-moved", "option-removed", "option-deprecated"
WITHOUT_EFFECT, SECRET, INVALID = "option-without-effect", "option-secret", "option-invalid"
RULES = {
    UNKNOWN_SECTION: "this release's Airflow has no such section, but another's has, or the name is close to one",
    UNKNOWN_KEY: "Airflow has the section, but no such option in it, and ignores it",
    MOVED: "the option has another name in this release",
    REMOVED: "this release's Airflow no longer has the option",
    DEPRECATED: "Airflow still reads the option, but will drop it",
    WITHOUT_EFFECT: "MWAA forces another value, another option is followed instead, or one that is needed is not set",
    SECRET: "a configuration option has a secret in plain text",
    INVALID: "MWAA refuses an option that is not `section.key`, or two that mean the same",
    **option_values.RULES,
}
# Any key will do there: Airflow hands it on to Celery, Elasticsearch or Kubernetes. `mwaa` is MWAA's own.
FREE_SECTIONS = frozenset(
    {
        "celery_broker_transport_options",
        "celery_result_backend_transport_options",
        "elasticsearch_configs",
        "opensearch_configs",
        "kubernetes_environment_variables",
        "kubernetes_secrets",
        "kubernetes_labels",
        "kubernetes_annotations",
        "kubernetes_node_selectors",
        "mwaa",
    }
)
# How a release's `removed_options` say it.
RENAMED, WITHOUT_SUCCESSOR = "it is now ", "it was removed"
OF_FAB = re.compile(r"\bfab\.\w+")
SIMILARITY = 0.75  # as difflib has it: 1 is the same


@dataclass(frozen=True)
class OptionsCase:
    """What is checked. `line_of` gives the line of an option in the file at `path`, 0 if unknown.

    `script` is the text of the startup script, which may set variables too.
    """

    path: str
    options: Mapping[str, str]
    release: Release
    known: KnownOptions
    merged: MergedVariables
    line_of: Callable[[str], int]
    environment_class: EnvironmentClass = ENVIRONMENT_CLASSES[DEFAULT_ENVIRONMENT_CLASS]
    script: str = ""


def options_findings(case: OptionsCase) -> tuple[Finding, ...]:
    """Return the findings, by line."""
    try:
        translate(case.options)
    except ConfigOptionInvalid as error:
        return (Finding(INVALID, ERROR, case.path, 0, error.what, error.why, error.hint),)
    lost = {item.name: item for item in user_notes(case.merged) if item.source is Layer.OPTION}
    found: list[Finding] = []
    for option, value in case.options.items():
        if item := lost.get(variable_name(option)):
            found.append(_without_effect(case, option, item))
        else:
            found += _named(case, option)
            found += _without_need(case, option)
        found += _secrets(case, option, value)
    unread = case.release.removed_options
    there = {
        option: value
        for option, value in case.options.items()
        if option.lower() not in unread and variable_name(option) not in lost
    }
    for option, remark in option_values.value_remarks(there, case.environment_class, case.known):
        found.append(_finding(case, remark.rule, remark.severity, option, remark.what, remark.why, remark.hint))
    return in_order(found)


def _without_effect(case: OptionsCase, option: str, lost: Overruled) -> Finding:
    if lost.winner.source is Layer.LOCAL_ESSENTIAL:  # MWAA takes it
        return _finding(case, WITHOUT_EFFECT, NOTE, option, "has no effect here", lost.reason)
    what = f"{lost.said(option)} has no effect"
    return Finding(WITHOUT_EFFECT, WARNING, case.path, case.line_of(option), what, lost.reason, lost.fix)


def _without_need(case: OptionsCase, option: str) -> Iterator[Finding]:
    needed = NEEDED.get(option.lower(), "")
    why = case.merged.remarks.get(variable_name(option), "")
    if needed and why and variable_name(needed) not in case.script:
        yield _finding(case, WITHOUT_EFFECT, WARNING, option, "has no effect", why, f"set {needed} too, or remove it")


def _named(case: OptionsCase, option: str) -> Iterator[Finding]:
    """Yield what is to be said of the name: at most one thing."""
    name = option.lower()
    section, _, key = name.partition(".")
    version = case.release.airflow_version
    if became := case.release.removed_options.get(name):
        yield _removed(case, option, became)
    elif new := case.known.moved.get(name):
        yield _moved(case, option, new)
    elif reason := case.known.deprecated.get(name):
        yield _finding(case, DEPRECATED, WARNING, option, f"is deprecated in Airflow {version}", reason)
    elif section not in case.known.sections and name in STILL_READ:
        return
    elif section not in case.known.sections and (releases := releases_with(section, version)):
        yield _of_other_release(case, option, releases)
    elif section not in case.known.sections:
        close = difflib.get_close_matches(section, case.known.sections, 1, SIMILARITY)
        if close and section not in FREE_SECTIONS:  # others are the user's own, which DAGs and plugins read
            yield _unknown_section(case, option, section, close[0])
    elif section not in FREE_SECTIONS and not _has(case.known.sections[section], key):
        yield _unknown_key(case, option, section, key)


def _removed(case: OptionsCase, option: str, became: str) -> Finding:
    """Return what to say of an option that this Airflow does not read under this name, or under no name."""
    version = case.release.airflow_version
    if became.startswith(RENAMED):
        new = became.removeprefix(RENAMED)
        hint = "remove it" if case.merged.is_set_by_user(new) else f"write {new}"
        why = f"Airflow {version} reads {new}, and ignores the old name."
        return _finding(case, MOVED, WARNING, option, f"is now {new}", why, hint)
    ignored = f"Airflow {version} ignores it"
    why = f"{ignored}." if became == WITHOUT_SUCCESSOR else f"{ignored}: {became}."
    of_fab = OF_FAB.search(became)  # the auth manager of MWAA on Airflow 3
    hint = f"write {of_fab[0]}" if of_fab and not case.merged.is_set_by_user(of_fab[0]) else "remove it"
    return _finding(case, REMOVED, WARNING, option, f"does not exist in Airflow {version}", why, hint)


def _moved(case: OptionsCase, option: str, new: str) -> Finding:
    version = case.release.airflow_version
    if case.merged.is_set_by_user(new):
        why = f"Airflow {version} reads {new} first, and you set that too."
        return _finding(case, WITHOUT_EFFECT, WARNING, option, "has no effect", why, "remove it")
    why = f"Airflow {version} reads {new}, and takes the old name, with a warning, as long as {new} is not set."
    return _finding(case, MOVED, WARNING, option, f"is now {new}", why, f"write {new}")


def _has(keys: frozenset[str], key: str) -> bool:
    return key in keys or any(key.endswith(suffix) and key.removesuffix(suffix) in keys for suffix in INDIRECT_SUFFIXES)


def _of_other_release(case: OptionsCase, option: str, releases: str) -> Finding:
    section, _, key = option.lower().partition(".")
    version = case.release.airflow_version
    places = sorted(other for other, names in case.known.sections.items() if key in names)
    what = f"is in a section that Airflow {version} does not have"
    why = f"Of MWAA's releases, those {releases} have {section}. Airflow {version} ignores it."
    hint = f"did you mean {' or '.join(f'{place}.{key}' for place in places)}?" if places else "remove it"
    return _finding(case, UNKNOWN_SECTION, WARNING, option, what, why, hint)


def _unknown_section(case: OptionsCase, option: str, section: str, close: str) -> Finding:
    why = f"Airflow {case.release.airflow_version} and the providers of MWAA's image have no section {section!r}."
    hint = f"did you mean {close}? A section of your own is all right: DAGs and plugins can read it"
    return _finding(case, UNKNOWN_SECTION, WARNING, option, "is in a section that Airflow does not have", why, hint)


def _unknown_key(case: OptionsCase, option: str, section: str, key: str) -> Finding:
    keys = case.known.sections[section]
    elsewhere = sorted(other for other, names in case.known.sections.items() if key in names)
    once = {
        name.partition(".")[2]
        for name in (*case.known.moved, *case.release.removed_options)
        if name.startswith(f"{section}.")
    }
    close = difflib.get_close_matches(key, {*keys, *once}, 1, SIMILARITY)
    meant = [f"{other}.{key}" for other in elsewhere] or [f"{section}.{name}" for name in close]
    why = f"Airflow {case.release.airflow_version} has no such option in the section {section!r}, and ignores it."
    hint = f"did you mean {' or '.join(meant)}?" if meant else "remove it"
    return _finding(case, UNKNOWN_KEY, WARNING, option, "is not an Airflow option", why, hint)


def _secrets(case: OptionsCase, option: str, value: str) -> Iterator[Finding]:
    if option in option_values.BACKEND_ARGUMENTS:
        # MWAA's own way to keep secrets elsewhere, unless one of the arguments is one.
        holds = any(secrets_of_json(value))
    else:
        holds = bool(value) and is_secret(variable_name(option), value)
    if holds and not option.lower().endswith(INDIRECT_SUFFIXES):
        why = "Anyone who can read the environment (airflow:GetEnvironment) or this file can read it."
        hint = "keep it in AWS Secrets Manager, and set secrets.backend"
        yield _finding(case, SECRET, WARNING, option, "contains a secret in plain text", why, hint)


def _finding(
    case: OptionsCase, rule: str, severity: str, option: str, what: str, why: str = "", hint: str = ""
) -> Finding:
    return Finding(rule, severity, case.path, case.line_of(option), f"{option} {what}", why, hint)
