"""All rules, by name: what they mean, and the words for people who ask for one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from mwaa_local.check.explained.of_imports import OF_IMPORTS, OF_TASKS
from mwaa_local.check.explained.of_plugins import OF_PLUGINS
from mwaa_local.check.explained.of_project import OF_ENVIRONMENT, OF_SETTINGS, OF_STARTUP
from mwaa_local.check.explained.of_requirements import OF_LINES, OF_RESOLUTION
from mwaa_local.check.explained.of_sources import OF_RUFF, OF_SOURCES
from mwaa_local.check.explained.of_upgrades import OF_UPGRADES
from mwaa_local.check.explained.text import RuleText
from mwaa_local.finding import SEVERITIES

NEAR_NAMES = 3
ALL_RULES: Mapping[str, RuleText] = {
    rule.id: rule
    for rule in (
        *OF_IMPORTS,
        *OF_TASKS,
        *OF_SOURCES,
        *OF_RUFF,
        *OF_ENVIRONMENT,
        *OF_STARTUP,
        *OF_SETTINGS,
        *OF_RESOLUTION,
        *OF_LINES,
        *OF_PLUGINS,
        *OF_UPGRADES,
    )
}


def near_names(name: str) -> tuple[str, ...]:
    """Return rules whose names are close to a wrong one, the closest first; none if nothing is."""
    by_part = [rule for rule in ALL_RULES if name and name.lower() in rule.lower()]
    near = difflib.get_close_matches(name, ALL_RULES, NEAR_NAMES)
    return tuple(dict.fromkeys([*near, *by_part]))[:NEAR_NAMES]


def explained(rule: RuleText) -> str:
    """Return what is wrong, why it matters on MWAA, what to do, and an example."""
    severities = ", ".join(sorted(rule.severities, key=SEVERITIES.index))
    return "\n\n".join([f"{rule.id} ({severities}): {_sentence(rule.meaning)}", *_paragraphs(rule)])


def _paragraphs(rule: RuleText) -> Iterator[str]:
    if rule.why:
        yield rule.why
    if rule.todo:
        yield f"What to do: {rule.todo}"
    for title, example in (("bad", rule.bad), ("good", rule.good)):
        if example:
            yield f"{title}:\n\n{_indented(example)}"


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())
