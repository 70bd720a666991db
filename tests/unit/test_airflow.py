"""What is made of the answers of a running Airflow's servers."""

from __future__ import annotations

import dataclasses

import pytest

from mwaa_local.airflow import UNHEALTHY, AirflowClient
from mwaa_local.event import READY, ComponentStatus
from mwaa_local.plan import Component, HeartbeatReady, Plan
from tests.fakes import FakeRuntime

NOWHERE = "postgresql://127.0.0.1:1/nowhere"


@pytest.mark.parametrize(("option", "is_well"), [("", False), ("120", True), ("50", False), ("soon", False)])
def test_heartbeat_is_too_old_after_what_the_user_says(option: str, is_well: bool) -> None:
    env = {"AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": option} if option else {}
    scheduler = Component("scheduler", ("a",), env, HeartbeatReady("SchedulerJob"))
    plan = Plan((scheduler,), "3.3.1", {}, NOWHERE, "redis://127.0.0.1:1/0", "q", "/")
    figures = AirflowClient(FakeRuntime(plan), plan).figures()
    figures = dataclasses.replace(figures, heartbeat_ages_s={"scheduler": 60.0})
    (judged,) = figures.judge([ComponentStatus("scheduler", READY)])
    assert judged.state == (READY if is_well else UNHEALTHY)
