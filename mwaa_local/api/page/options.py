"""The configuration of an environment's components, and who set each value: what `mwaa-local options` prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mwaa_local.api.environments.members import described
from mwaa_local.api.environments.served import Served
from mwaa_local.api.http.errors import ServiceError
from mwaa_local.api.page.document import part
from mwaa_local.api.page.html import Content, Markup, element, table
from mwaa_local.api.page.secrets import stamp
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.merge import COMPONENTS, MergedVariables, user_notes
from mwaa_local.configuration.option_names import option_name
from mwaa_local.configuration.shown import (
    STARTUP_EXPORTS_FILE,
    is_of_interest,
    merged_variables,
    read_startup_exports,
    value_text,
)
from mwaa_local.errors import MwaaLocalError
from mwaa_local.release import Release

OF = "options"  # in the query: the component
DEFAULT_COMPONENT = "scheduler"


class Options:
    """The configurations that were asked for, each made again only when something of it changed."""

    def __init__(self) -> None:
        self._made: dict[tuple[Path, str], tuple[object, Markup]] = {}

    def part(self, served: Served, component: str, links: Mapping[str, str]) -> Markup:
        """Return the section on the options. `links` leads to the components that may be chosen."""
        key = served.project.root_dir, component
        made_of = (served.record.members, stamp(served.project.run_dir / STARTUP_EXPORTS_FILE), dict(links))
        known = self._made.get(key)
        if known is None or known[0] != made_of:
            known = self._made[key] = (made_of, _part(served, component, links))
        return known[1]


def _part(served: Served, component: str, links: Mapping[str, str]) -> Markup:
    named = element(
        "nav",
        element("ul", *(_link(name, url, component) for name, url in links.items())),
        aria_label="Whose options",
    )
    return part("options", "Options", named, *_shown(served, component))


def _shown(served: Served, component: str) -> list[Content]:
    try:
        environment = described(served.members)
        release = Release.load(environment.airflow_version)
        merged = merged_variables(environment, release, component, read_startup_exports(served.project, component))
    except ServiceError as error:
        return [element("p", error.message, class_="failure")]
    except MwaaLocalError as error:
        return [element("p", f"{error.what}. {error.why} {error.hint}", class_="failure")]
    return [_values(merged, component), _without_effect(merged), _layers(merged)]


def _values(merged: MergedVariables, component: str) -> Markup:
    shown = sorted((item for item in merged.variables.values() if is_of_interest(item)), key=lambda item: item.name)
    rows = [
        (option_name(item.name) or item.name, item.source, element("code", value_text(item, show_secrets=False)))
        for item in shown
    ]
    return table(f"Airflow's configuration of {component}", ("option", "set by", "value"), rows, class_="options")


def _without_effect(merged: MergedVariables) -> Markup | None:
    """Return what the user set in vain, and why it has no effect."""
    lost = [
        (note.said(option_name(note.name) or note.name), note.source.said, note.reason) for note in user_notes(merged)
    ]
    lost += [(option_name(name) or name, Layer.OPTION.said, remark) for name, remark in merged.remarks.items()]
    return table("Set by you, without effect", ("option", "set by", "why"), lost) if lost else None


def _layers(merged: MergedVariables) -> Markup:
    there = {item.source for item in merged.variables.values() if is_of_interest(item)}
    rows = [(layer, layer.rule) for layer in Layer if layer in there]
    return table("Who may set a value, the weakest first", ("set by", ""), rows)


def _link(name: str, url: str, chosen: str) -> Markup:
    return element("li", element("a", name, href=url, aria_current="true" if name == chosen else False))


__all__ = ["COMPONENTS", "DEFAULT_COMPONENT", "OF", "Options"]
