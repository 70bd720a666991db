"""`mwaa-local open`: Airflow in the browser, signed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.parameters import ProjectOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.door.tokens import Role

BROWSER_TIMEOUT_S = 60.0


def open_ui(
    role: Annotated[Role, typer.Option(case_sensitive=False, help="The Airflow role to sign in with.")] = Role.ADMIN,
    do_print: Annotated[
        bool, typer.Option("--print", help="Print an address that signs in once within 60 seconds, and open nothing.")
    ] = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Open Airflow's web pages in your browser, signed in for 12 hours.

    Each role has a user of its own. Private windows of a browser keep several apart.

    Examples:

      mwaa-local open

      mwaa-local open --role Viewer

      mwaa-local open --print
    """
    session = open_session(project_dir)
    base = _door_url(session)
    if do_print:
        typer.echo(_signing_in(session, base, role))
        return
    _lead_browser(session, base, role)


def _door_url(session: Session) -> str:
    from mwaa_local.errors import NotRunning
    from mwaa_local.web_address import WebAddress

    plan = session.runtime.running_plan()
    door = WebAddress.of(plan) if plan else None
    if door is None:
        raise NotRunning("no web server runs here to open", hint="mwaa-local up")
    return door.url


def _signing_in(session: Session, base: str, role: Role) -> str:
    """Return an address with a token, behind the `#`, which browsers do not send."""
    from mwaa_local.door.tokens import LOGIN_PATH, WEB, mint, own_user
    from mwaa_local.secrets import load_secrets

    key = load_secrets(session.project.state_dir).door_key
    token = mint(key, WEB, session.environment().name, role=role.value, user=own_user(role.value))
    return f"{base}{LOGIN_PATH}#{token}"


def _lead_browser(session: Session, base: str, role: Role) -> None:
    import webbrowser

    from mwaa_local.errors import BrowserUnavailable
    from mwaa_local.one_time_page import OneTimePage

    hint = "mwaa-local open --print"
    try:
        browser = webbrowser.get()
    except webbrowser.Error as error:
        why = "Neither the variable BROWSER nor this machine names one."
        raise BrowserUnavailable("cannot find a browser to open", why, hint) from error
    with OneTimePage(lambda: _signing_in(session, base, role)).served() as page:
        if not browser.open(page.url):
            raise BrowserUnavailable("the browser did not start", "", hint)
        if not page.wait(BROWSER_TIMEOUT_S):
            why = f"Nothing of this user asked for its page within {BROWSER_TIMEOUT_S:.0f} s."
            raise BrowserUnavailable("the browser opened nothing", why, hint)
    session.console.say(f"opened {base} as {role.value}")
