"""All environments that the API serves, and how the service was asked to misbehave."""

from __future__ import annotations

from collections.abc import Iterable

from mwaa_local.api.environments.faults import Faults
from mwaa_local.api.environments.served import Served
from mwaa_local.api.page.document import part
from mwaa_local.api.page.html import Content, Markup, element, table
from mwaa_local.api.page.opening import open_form, path_of
from mwaa_local.api.page.words import counts, status, when
from mwaa_local.errors import MwaaLocalError

HEADS = ("environment", "status", "Airflow", "class", "workers", "last update", "last error", "")
DASH = "-"


def environments_part(environments: Iterable[Served]) -> Markup:
    """Return the section that lists the environments."""
    rows = [_row(served) for served in environments]
    if not rows:
        return part("environments", "Environments", element("p", "There is no environment yet."), _first_steps())
    return part("environments", "Environments", table("One line for each environment", HEADS, rows))


def faults_part(faults: Faults) -> Markup | None:
    """Return the section on faults that are set; None where the service behaves."""
    try:
        lines = [fault.line() for fault in faults.listed()]
    except MwaaLocalError as error:
        lines = [f"{error.what}. {error.hint}"]
    if not lines:
        return part("faults", "Faults", element("p", "None is set."), element("p", _fault_help(), class_="soft"))
    told = element("p", "The service misbehaves because it was asked to. To end that: mwaa-local fault clear")
    return part("faults", "Faults", told, element("ul", *(element("li", line) for line in lines)))


def last_error(served: Served) -> str:
    """Return what GetEnvironment answers as the error of the last update; "" without one."""
    error = (served.last_update or {}).get("Error") or {}
    return ": ".join(filter(None, (error.get("ErrorCode"), error.get("ErrorMessage"))))


def update_time(served: Served) -> Content:
    """Return how the last update went and when it began."""
    update = served.last_update
    return element("span", f"{update['Status']}, ", when(update["CreatedAt"])) if update else DASH


def _row(served: Served) -> tuple[Content, ...]:
    members = served.members
    return (
        element("a", served.name, href=path_of(served.name)),
        status(served.status),
        members.get("AirflowVersion", DASH),
        members.get("EnvironmentClass", DASH),
        counts(members, "Workers"),
        update_time(served),
        element("span", last_error(served), class_="failure"),
        open_form(served),
    )


def _first_steps() -> Markup:
    return element("pre", "mwaa-local up\naws mwaa create-environment --name …")


def _fault_help() -> str:
    return "To see how scripts bear a service that misbehaves: mwaa-local fault --help"
