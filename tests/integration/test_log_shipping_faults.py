"""What the shipper does when something fails: its notes, the clock, an engine, the service for one file."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mwaa_local.environment.environment import LoggingConfiguration
from mwaa_local.logs.events import LogEvent
from mwaa_local.logs.shipping.service import Refused
from mwaa_local.logs.shipping.shipper import Destination
from mwaa_local.observer.duty import Observed
from mwaa_local.observer.log_shipping import LogShipping
from mwaa_local.project import Project
from mwaa_local.runtime.logfile import LogFile
from tests.integration.aws_endpoint import Endpoint, endpoint
from tests.integration.test_log_shipping import ALL_ON, Shipping, line, said, write_task


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws")) as started:
        yield started


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> str:
    return f"fails-{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.logs_dir.mkdir(parents=True)
    return project


@pytest.fixture
def shipping(project: Project, environment: str, aws: Endpoint) -> Shipping:
    return Shipping(project, environment, aws.url)


def ago(days: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() - days * 86400))}Z"


def test_all_that_the_service_takes_is_sent_where_the_places_are_lost(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    old, too_old = (json.dumps({"timestamp": ago(days), "event": f"{days} days"}) for days in (13, 15))
    write_task(project, "load", too_old, old, line(1))
    shipping.round()
    assert said(aws, environment) == Counter(["line 1"])  # of an environment that is new here
    shipping.places.close()
    shipping.places_path.write_bytes(b"no database" * 100)
    shipping.begin_anew()
    shipping.round()
    assert said(aws, environment) == Counter({"line 1": 2, "13 days": 1})


def test_a_clock_that_is_set_back_loses_nothing_later(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint
) -> None:
    shipping.logging = LoggingConfiguration.model_validate({})
    shipping.clock = lambda: time.time() + 3600
    shipping.round()
    shipping.logging = ALL_ON  # noted for an hour ahead
    shipping.round()
    shipping.clock = time.time
    shipping.round()
    log = LogFile(project.logs_dir / "scheduler.log")
    log.write("out", line(1))
    shipping.round()
    assert said(aws, environment, "Scheduler") == Counter(["line 1"])


def test_an_engine_that_fails_holds_no_files_back(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingEngine:
        def logs(self, *_words: object, **_more: object) -> None:
            raise OSError("no engine")

    write_task(project, "load", line(1))
    duty = LogShipping()
    to = Destination(environment, True, ALL_ON, shipping.service)
    monkeypatch.setattr(duty, "_begun", lambda _observed: shipping.shipper)
    monkeypatch.setattr(duty, "_destination", lambda _observed: to)
    with pytest.raises(OSError, match="no engine"):
        duty.round(cast("Observed", SimpleNamespace(aws_url=aws.url, runtime=FailingEngine())))
    assert said(aws, environment) == Counter(["line 1"])


def test_a_file_that_is_refused_waits_longer_each_time_and_holds_no_other_back(
    shipping: Shipping, project: Project, environment: str, aws: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(project, "refused", line(1))
    write_task(project, "load", line(2))
    asked: list[float] = []
    clock = 0.0
    put = shipping.service.put

    def counted(group: str, stream: str, batch: list[LogEvent]) -> None:
        if "refused" in stream:  # the local AWS takes every stream
            asked.append(clock)
            raise Refused("InvalidParameterException", stream)
        put(group, stream, batch)

    monkeypatch.setattr(shipping.service, "put", counted)
    begun = time.time()
    shipping.clock = lambda: begun + clock
    for second in range(20):
        clock = float(second)
        with contextlib.suppress(Refused):
            shipping.round()
    assert asked == [0.0, 2.0, 6.0, 14.0]
    assert said(aws, environment) == Counter(["line 2"])
