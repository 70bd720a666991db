"""Whether an environment is healthy: its components ready, their heartbeats fresh, and the health page answering."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from mwaa_local.errors import ComponentNotReady, NotRunning
from mwaa_local.event import amiss
from mwaa_local.lifecycle import Lifecycle
from mwaa_local.plan import HttpReady, Plan
from mwaa_local.runtime.readiness import page_answers
from mwaa_local.web_address import WebAddress

PAGE_TIMEOUT_S = 3.0
HEALTHY_TIMEOUT_S = 120.0  # after all components were ready; the first heartbeats may be late on a slow machine
HEALTHY_PAUSE_S = 0.5
HEALTHY_ANSWERS = 3


def wait_until_healthy(lifecycle: Lifecycle) -> None:
    """Return when the components are ready, their heartbeats fresh, and the health page has answered several times.

    Once is not enough: the web server of Airflow 3 answers, and is then busy with building its task API. Raises
    NotRunning or ComponentNotReady.
    """
    deadline, answers = time.monotonic() + HEALTHY_TIMEOUT_S, 0
    while True:
        state = lifecycle.state()
        if state is None:
            raise NotRunning("the environment ended just after it had come up", hint="mwaa-local logs")
        answers = answers + 1 if state.is_healthy and health_page_answers(state.plan) else 0
        if answers == HEALTHY_ANSWERS:
            return
        if time.monotonic() > deadline:
            waiting = [f"{item.name} is {item.state}. {item.detail}" for item in amiss(state.statuses)]
            waiting = waiting or ["The health page does not answer through the front door."]
            what = f"the environment did not become healthy within {HEALTHY_TIMEOUT_S:.0f} s"
            raise ComponentNotReady(what, "\n".join(waiting), "mwaa-local status")
        time.sleep(HEALTHY_PAUSE_S)


def health_page_answers(plan: Plan) -> bool:
    """Say whether Airflow's health page answers now."""
    page = health_page(plan)
    return page is None or page_answers(page, PAGE_TIMEOUT_S)


def health_page(plan: Plan) -> HttpReady | None:
    """Return Airflow's health page, through the front door where the plan has one."""
    webserver = plan.component("webserver")
    if webserver is None or not isinstance(webserver.ready, HttpReady):
        return None
    door = WebAddress.of(plan)
    return door.page(urlsplit(webserver.ready.url).path) if door else webserver.ready
