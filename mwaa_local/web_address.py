"""Where people and clients reach an environment: the front door's address on this machine, and who vouches for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mwaa_local.place import HOST
from mwaa_local.plan import HttpReady, Plan

if TYPE_CHECKING:  # commands that ask nobody need it not
    import ssl

DOOR = "door"  # the component
HOST_NAME = "localhost"


@dataclass(frozen=True)
class WebAddress:
    """The public port of an environment. `authority` is the file of who vouches for it; "" where it speaks http."""

    port: int
    authority: str = ""

    @classmethod
    def of(cls, plan: Plan) -> WebAddress | None:
        """Return the address in a plan; None where it has no front door."""
        door = plan.component(DOOR)
        ready = door.ready if door else None
        port = plan.ports.get(DOOR)
        return cls(port, ready.authority if isinstance(ready, HttpReady) else "") if port else None

    @property
    def host(self) -> str:
        """`localhost:PORT`, as MWAA's API has it."""
        return f"{HOST_NAME}:{self.port}"

    @property
    def scheme(self) -> str:
        return "https" if self.authority else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def page(self, path: str) -> HttpReady:
        """Return the sign that a page answers there."""
        return HttpReady(f"{self.scheme}://{HOST}:{self.port}{path}", authority=self.authority)

    def context(self) -> ssl.SSLContext | None:
        """Return how a client checks who answers; None where it speaks http. Raises OSError without the file."""
        return client_context(self.authority) if self.authority else None


def client_context(authority: str) -> ssl.SSLContext:
    """Return how a client checks who answers, by the file of who vouches. Raises OSError without the file."""
    import ssl

    return ssl.create_default_context(cafile=authority)
