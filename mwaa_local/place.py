"""Place: how the components of one runtime find their way, by paths, hosts and ports.

Whatever differs between processes on one machine and containers with a machine each is asked here, so that a plan and
what runs beside Airflow are written once. Each runtime has a Place of its own; another runtime is another Place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the supervisor imports this and must not pay for it
    from mwaa_local.plan import HttpReady
    from mwaa_local.release import Release

HOST = "127.0.0.1"  # the only address of this machine on which anything listens
ANY_HOST = "0.0.0.0"  # within a container, where Docker alone says what is reached from outside


class Notes(Protocol):
    """Where it is noted that the project uses something that is kept for all projects."""

    def note(self, kind: str, name: str) -> None: ...


# Makes an interpreter ready: gets a function that says what it is doing, and where to note it; returns its path.
MakeInterpreter = Callable[[Callable[[str], None], Notes], str]


class Place(Protocol):
    """Where one environment's components are."""

    @property
    def home_dir(self) -> str:
        """The Airflow home, as components see it."""

    @property
    def ports(self) -> Mapping[str, int]:
        """Component -> the port of 127.0.0.1 where this machine reaches it; for each that listens."""

    @property
    def authority(self) -> str:
        """The file of who vouches for the front door, on this machine; "" where the door speaks http."""

    @property
    def own_hosts(self) -> bool:
        """Whether each component has a host of its own, where names, ports and files of others are not in its way."""

    def listens(self, name: str) -> tuple[str, int]:
        """Return the address on which that component listens."""

    def reached(self, name: str) -> tuple[str, int]:
        """Return the address at which the other components reach it."""

    def airflow_argv(self, release: Release, python: str) -> tuple[str, ...]:
        """Return the words before those of an Airflow command that is a component; `python` has the packages."""

    @property
    def exec_argv(self) -> tuple[str, ...]:
        """The words before an Airflow command beside a component, where they are others."""

    @property
    def server_env(self) -> Mapping[str, str]:
        """The variables of what is not Airflow."""

    def interpreter(self, step: str, make: MakeInterpreter) -> tuple[str, ...]:
        """Return the words that run a Python script of a service: none where its image runs it already."""

    def write(self, service: str, name: str, text: str) -> str:
        """Write a private file that a service starts from; return where it sees it."""

    def shown(self, name: str, text: str) -> str:
        """Write a private file that Airflow's components see, if it is not there as it is; return where they see it."""

    def folder(self, path: Path, inside: str) -> str:
        """Return where a service sees a folder: `inside` where it has files of its own."""

    def program(self, service: str, path: Path) -> str:
        """Show a folder of ours, which is a program, to a service; return where it sees it."""

    def shared(self, name: str) -> str:
        """Return where the front door and the web server both see a private file or socket that one of them makes."""

    def page(self, name: str, path: str) -> HttpReady:
        """Return the sign that a page of a component answers, as this machine asks for it."""

    def names_of(self, name: str) -> tuple[str, ...]:
        """Return by which names the other components reach it, where those are not this machine's own."""


def url_of(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"
