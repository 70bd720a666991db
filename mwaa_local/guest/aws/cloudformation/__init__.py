"""CloudFormation of the local AWS: moto's resources, with deployments of ours, and `AWS::MWAA::Environment`.

moto makes a stack in one go: no waiting, no rollback, no order of deletion, and half of its resources stay for ever.
This package keeps moto's resources and templates and puts what deploys them in its place. `prepare` does that, at
the first request for CloudFormation: its import takes 100 MB and seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..moto_services import MotoServices

SIGNING_NAME = "cloudformation"


def prepare(services: MotoServices) -> None:
    """Put deployments into this process's moto."""
    from . import backend, calls, environment, nested, resources, watch
    from .control import Control

    environment.MwaaEnvironment.control = Control(services.control_plane)
    watching = watch.Watch(lambda: services.locks.held(SIGNING_NAME), services.wrote)
    resources.install()
    nested.install()
    calls.install()
    backend.install(watching.begin)
    watching.begin()  # what a former process did not finish
