"""The metrics: what Airflow sends by StatsD, summed up each minute, as a component of the plan.

On MWAA a sidecar listens for it beside each container; here one small program does for all of them
(`mwaa_local/guest/statsd`), which needs nothing but Python. In Docker it runs in the front door's image.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from mwaa_local.cache.kept import DIGEST_CHARACTERS
from mwaa_local.event import Event
from mwaa_local.files import make_private
from mwaa_local.place import Notes, Place
from mwaa_local.plan import SERVER_STOP_TIMEOUT_S, STOP_STAGE_SERVERS, Component
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.secrets import Secrets
from mwaa_local.services.service import ImageBase, ServiceImage
from mwaa_local.wanted import Wanted

METRICS = "metrics"  # the component
PROGRAM_DIR = Path(__file__).parents[1] / "guest" / "statsd"
CONFIGURATION_NAME = "metrics.json"
READY_PATH = "/_mwaa-local/metrics"  # of guest/statsd/ready.py, which answers whatever is asked
FOLDER_IN_CONTAINER = "/opt/mwaa/minutes"  # docker-compose.yml
# MWAA's own (amazon-mwaa-docker-images, essential Airflow config): Airflow's default, too.
STATSD_PREFIX = "airflow"


def metrics_dir(project: Project) -> Path:
    """Return the folder of the minutes."""
    return project.state_dir / "metrics"


def statsd_values(place: Place) -> dict[str, str]:
    """Return where Airflow is to send its metrics, as a LocalValues names it."""
    host, port = place.reached(METRICS)
    return {"statsd_host": host, "statsd_port": str(port)}


@dataclass(frozen=True)
class Metrics:
    """The collector of one start."""

    wanted: Wanted

    name: ClassVar[str] = METRICS
    port: ClassVar[int] = 8125  # StatsD's own, on MWAA too
    port_setting: ClassVar[str] = "MetricsPort"
    is_wanted: ClassVar[bool] = True

    @classmethod
    def load(cls, wanted: Wanted) -> Self:
        return cls(wanted)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return ()

    def component(self, place: Place, secrets: Secrets) -> Component:
        folder = make_private(metrics_dir(self.wanted.project))  # made here, not by Docker as root
        values = {
            "listens": place.listens(METRICS),
            "folder": place.folder(folder, FOLDER_IN_CONTAINER),
            "prefix": f"{STATSD_PREFIX}.",
        }
        text = json.dumps(values, sort_keys=True)
        python = place.interpreter(METRICS, _own_python)
        return Component(
            METRICS,
            (*python, place.program(METRICS, PROGRAM_DIR), place.write(METRICS, CONFIGURATION_NAME, text)),
            place.server_env,
            place.page(METRICS, READY_PATH),
            reads=hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS],
            stop_timeout_s=SERVER_STOP_TIMEOUT_S,
            stop_stage=STOP_STAGE_SERVERS,  # what Airflow sends while it stops counts, too
        )

    def variables(self, place: Place) -> Mapping[str, str]:
        return {}

    def local_names(self, place: Place) -> tuple[str, ...]:
        return ()

    def told(self, place: Place) -> Event | None:
        return None

    def image(self, base: ImageBase) -> ServiceImage | None:
        return None  # the front door's, which is always there

    def compose_variables(self, empty_dir: Path) -> Mapping[str, str]:
        return {"MWAA_METRICS_DIR": str(metrics_dir(self.wanted.project))}


def _own_python(_say: Callable[[str], None], _notes: Notes) -> str:
    return sys.executable
