"""The duty that sends logs to the log groups of the local AWS."""

from __future__ import annotations

import sqlite3
import time

from mwaa_local.configuration.base import region_of
from mwaa_local.logs.shipping.places import Places
from mwaa_local.logs.shipping.service import LogService
from mwaa_local.logs.shipping.shipper import Destination, Shipper
from mwaa_local.observer.duty import Observed
from mwaa_local.observer.place import ObserverFolder
from mwaa_local.release import Release

PLACES_NAME = "logs.sqlite"  # in the observer's folder
FETCH_PAUSE_S = 3.0  # between two times that an engine is asked what containers wrote: it costs a hundredth of a core
FORGET_PAUSE_S = 6 * 3600.0  # between two looks for places of files that are gone


class LogShipping:
    """Sends what is new every second."""

    name = "logs"
    interval_s = 1.0

    def __init__(self) -> None:
        self._shipper: Shipper | None = None
        self._service: LogService | None = None
        self._fetched_s = self._forgot_s = float("-inf")

    def round(self, observed: Observed) -> None:
        """Send what is new. Raises service.Away while the log service is."""
        if not observed.aws_url:
            return
        shipper, to = self._begun(observed), self._destination(observed)
        now = time.monotonic()
        if now - self._forgot_s > FORGET_PAUSE_S:
            shipper.forget_gone()
            self._forgot_s = now
        if now - self._fetched_s > FETCH_PAUSE_S and any(group.components for group in to.groups):
            self._fetched_s = now
            try:
                # Asked for lines, a runtime of containers brings what they wrote into files, which are what is sent.
                observed.runtime.logs([], follow=False, from_end=True)
            finally:  # an engine that fails holds back what it has, and no files
                self._send(shipper, to)
        else:
            self._send(shipper, to)

    def _send(self, shipper: Shipper, to: Destination) -> None:
        try:
            shipper.round(to)
        except sqlite3.DatabaseError:
            self._shipper = None  # the places are opened again, and begun anew where they are damaged
            raise

    def finish(self, observed: Observed) -> None:
        self._fetched_s = float("-inf")
        self.round(observed)

    def _begun(self, observed: Observed) -> Shipper:
        if self._shipper is None:  # in the thread in which the places are used
            project = observed.workspace.project
            self._shipper = Shipper(project, Places(ObserverFolder.of(project).path / PLACES_NAME))
        return self._shipper

    def _destination(self, observed: Observed) -> Destination:
        environment = observed.environment
        if self._service is None or self._service.url != observed.aws_url:
            key = environment.kms_key or ""
            self._service = LogService(observed.aws_url, region_of(observed.workspace.env), key)
        release = Release.load(environment.airflow_version)
        return Destination(
            environment.name,
            release.generation == "3.x",
            environment.logging_configuration,
            self._service,
            release.output_levels_parsed,
        )
