"""Service: what runs beside Airflow, whole in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self

from mwaa_local.cache.kept import ImageKind
from mwaa_local.event import Event
from mwaa_local.place import Place
from mwaa_local.plan import Component
from mwaa_local.remarks import Remark
from mwaa_local.secrets import Secrets
from mwaa_local.wanted import Wanted


@dataclass(frozen=True)
class ImageBase:
    """What the image of a service can stand on: that of Airflow's own."""

    base_image: str
    python_version: str  # minor, of that base
    dockerfile: str  # the text of docker/Dockerfile, in which the service has a stage


@dataclass(frozen=True)
class ServiceImage:
    """An image that a service needs: what kind of thing in the engine it is, its tag, and what its build reads."""

    kind: ImageKind
    tag: str
    variables: Mapping[str, str] = field(default_factory=dict)  # of docker-compose.yml


class Service(Protocol):
    """A component beside Airflow, and all that Airflow, Compose and the user learn of it.

    A new one is a module like `aws`, an entry in `services.all`, the member of `Local` that chooses its port, and a
    service with a profile of the same name in docker-compose.yml.
    """

    name: ClassVar[str]  # of the component; in Compose of service and profile
    port: ClassVar[int]  # on which it listens where it has a host of its own
    port_setting: ClassVar[str]  # the member of `Local` that chooses where this machine reaches it

    @classmethod
    def load(cls, wanted: Wanted) -> Self:
        """Read what the project has for it. Raises SettingsFileInvalid."""

    @property
    def is_wanted(self) -> bool:
        """Whether the environment file asks for it."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What there is to say of the project's files, before anything starts."""

    def component(self, place: Place, secrets: Secrets) -> Component:
        """Make ready what it starts from; return it as a component."""

    def variables(self, place: Place) -> Mapping[str, str]:
        """Return the variables by which Airflow's components find it."""

    def local_names(self, place: Place) -> tuple[str, ...]:
        """Return the host names by which Airflow's components reach it, where those must be made known to them.

        Containers know them as aliases of docker-compose.yml; as processes they lead to this machine.
        """

    def told(self, place: Place) -> Event | None:
        """Return what the user is told of it when it runs; None where that goes without saying."""

    def image(self, base: ImageBase) -> ServiceImage | None:
        """Return the image that its container needs, if that is one that we build."""

    def compose_variables(self, empty_dir: Path) -> Mapping[str, str]:
        """Return more variables that its part of docker-compose.yml reads, also where it is not asked for.

        `empty_dir` is a folder for what the project does not have: Compose would make one there, as root.
        """
