"""The way into an environment's Airflow, signed in: a token is made when somebody asks for it, never before."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.api.environments.served import Served
from mwaa_local.api.page.document import HOME
from mwaa_local.api.page.html import Markup, element
from mwaa_local.door.names import is_same
from mwaa_local.door.tokens import LOGIN_PATH, ROLES, WEB, mint, own_user

ROLE = "role"  # field of the form
OPEN = "open"  # end of the form's path


def path_of(name: str) -> str:
    """Return where an environment's own page is."""
    return f"{HOME}environments/{name}"


def open_form(served: Served, *, with_roles: bool = False) -> Markup:
    """Return the button that leads into Airflow; what there is instead of one where nothing answers."""
    if served.door is None:
        return element("span", "Airflow does not run", class_="soft")
    options = [element("option", role, value=role) for role in ROLES]
    choice = element("span", "as ", element("select", *options, name=ROLE, aria_label="Role")) if with_roles else None
    name = element("button", "Open Airflow UI", type="submit", aria_label=f"Open Airflow UI of {served.name}")
    return element("form", name, choice, method="post", action=f"{path_of(served.name)}/{OPEN}")


def is_ours(headers: Mapping[str, str]) -> bool:
    """Say whether a page of ours sent a form. Nobody else can have a token made, not even another port of this host."""
    site = headers.get("Sec-Fetch-Site")  # newer browsers say it; all say where a form comes from
    return is_same(headers.get("Origin", ""), headers.get("Host", "")) and site in (None, "same-origin")


def login_url(served: Served, role: str) -> str | None:
    """Return the address that signs a browser in; None where no front door answers.

    The token stands behind the `#`, which browsers do not send, so that no log of a server has it.
    """
    if served.door is None:
        return None
    token = mint(served.door_key, WEB, served.name, role=role, user=own_user(role))
    return f"{served.door.url}{LOGIN_PATH}#{token}"
