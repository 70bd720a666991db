"""The ports of the release that an upgrade starts: whether a stranger has one, asked before anything is stopped."""

from __future__ import annotations

from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import PortInUse
from mwaa_local.plan import Plan
from mwaa_local.runtime.ports import ALWAYS_THERE, ON_FREE_PORT, check_ports, ports_asked
from mwaa_local.web_address import DOOR


def check_free(local: LocalSettings, port: int | None, running: Plan | None, target: str) -> None:
    """Raise PortInUse where a port that is asked for by its number is a stranger's. The environment's own are fine.

    `port` is the web server's where it is not that of the file. Ports that only some environments have are looked at
    when the new release starts.
    """
    asked = ports_asked(local)
    wanted = {name: asked[name] for name in ALWAYS_THERE}
    if port is not None:
        wanted[DOOR] = port
    by_number = {name: number for name, number in wanted.items() if number}  # 0 picks a free one
    try:
        check_ports(by_number, running.ports if running else {}, asked)
    except PortInUse as error:
        error.why = f"{error.why}\nNothing was changed."
        error.hint = upgrade_on_free_port(error.hint, target)
        raise


def upgrade_on_free_port(hint: str, target: str) -> str:
    """Return a hint that proposes the upgrade at a free port where it proposes a start, which is of the old release."""
    return hint.replace(ON_FREE_PORT, f"mwaa-local upgrade --to {target} --yes --port 0")
