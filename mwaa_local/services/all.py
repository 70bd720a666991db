"""All services, and those that one start wants."""

from __future__ import annotations

from mwaa_local.services.aws import LocalAws
from mwaa_local.services.door import FrontDoor
from mwaa_local.services.metrics import Metrics
from mwaa_local.services.role import Role
from mwaa_local.services.service import Service

SERVICES: tuple[type[Service], ...] = (FrontDoor, LocalAws, Metrics, Role)
