"""All that moto holds: its backends, by service, account and region."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend  # type: ignore[import-not-found]
from moto.core.model_instances import reset_model_data  # type: ignore[import-not-found]

CLOUDFORMATION = "cloudformation"
# What moto's dictionary of a service's backends knows of itself.
OF_ALL_SERVICES = ("backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id")
STACKS = ("stacks", "deleted_stacks", "change_sets", "stacksets")


@dataclass(frozen=True)
class Held:
    """One backend, and where moto has it."""

    module: str
    name: str  # of the dictionary of this service's backends, in that module
    account: str
    region: str  # or partition
    backend: Any

    @property
    def service(self) -> str:
        return self.module.split(".")[1]


def held() -> list[Held]:
    """Return every backend that was used."""
    return [
        Held(*place, account, region, backend)
        for service in list(BackendDict._instances)
        if (place := _place(service)) is not None
        for account, regions in list(service.items())
        for region, backend in list(regions.items())
        if not _is_unused(backend)
    ]


def beside(everything: list[Held]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what moto knows of these services beside their backends, by module and name.

    Without it, S3 does not know whose its buckets are, and to create one that is there would empty it.
    """
    places = {(one.module, one.name) for one in everything}
    return {place: more for place in places if (more := _more(_service(*place)))}


def put(everything: list[Held], more: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    """Put backends, and what is known beside them, where moto looks. Raises ValueError where it would not."""
    for one in everything:
        if not isinstance(one.backend, BaseBackend):
            raise ValueError(f"{type(one.backend).__name__} is no backend of moto's")
        dict.__setitem__(_service(one.module, one.name)[one.account], one.region, one.backend)
    for place, attributes in more.items():
        service = _service(*place)
        for name in _more(service):
            setattr(service, name, attributes[name])


def empty() -> None:
    BackendDict.reset()
    reset_model_data()


def _service(module: str, name: str) -> Any:
    service = vars(importlib.import_module(module)).get(name) if module.startswith("moto.") else None
    if not isinstance(service, BackendDict):
        raise ValueError(f"moto has no backends at {module}.{name}")
    return service


def _more(service: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(service).items() if name not in OF_ALL_SERVICES}


def _place(service: Any) -> tuple[str, str] | None:
    """Return module and name of a service's backends."""
    module = service.backend.__module__
    for name, value in _values(module):
        if value is service:
            return module, name
    parent = module.rpartition(".")[0]  # EC2's are a package
    return next(((parent, name) for name, value in _values(parent) if value is service), None)


def _values(module: str) -> Iterator[tuple[str, Any]]:
    yield from vars(importlib.import_module(module)).items()


def _is_unused(backend: Any) -> bool:
    """Say whether a backend need not be kept: to read CloudFormation's costs 100 MB and seconds at each start."""
    is_stacks = type(backend).__module__.split(".")[1] == CLOUDFORMATION
    return is_stacks and not any(getattr(backend, name, None) for name in STACKS)
