"""`mwaa-local status`: what runs and what is wrong."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import typer

from mwaa_local.airflow import AirflowClient
from mwaa_local.cli.session import JsonOption, ProjectOption, open_session
from mwaa_local.event import FAILED, FINISHED, READY
from mwaa_local.remarks import NOTE, load_remarks

NOT_HEALTHY_EXIT_CODE = 1


def status(project_dir: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Show every component, its state and how long it has been so. Exit code 1 unless all are ready.

    Examples:

      mwaa-local status

      mwaa-local status --json | jq .components
    """
    session = open_session(project_dir)
    console = session.console
    plan = session.runtime.running_plan()
    if plan is None:
        if as_json:
            console.show_json({"running": False, "components": []})
        else:
            console.say("nothing is running here\n\nhint: mwaa-local up")
        raise typer.Exit(NOT_HEALTHY_EXIT_CODE)
    figures = AirflowClient(session.runtime, plan).figures()
    # What had only to be done once is of no interest when it was done well.
    statuses = [item for item in figures.judge(session.runtime.status()) if item.state != FINISHED]
    remarks = load_remarks(session.project.run_dir)
    healthy = all(item.state == READY for item in statuses)
    url = f"http://localhost:{plan.ports['webserver']}"
    if as_json:
        console.show_json(
            {
                "running": True,
                "healthy": healthy,
                "airflow_version": plan.airflow_version,
                "url": url,
                "components": [asdict(item) for item in statuses],
                "figures": asdict(figures),
                "remarks": [asdict(remark) for remark in remarks],
            }
        )
    else:
        console.show(f"Airflow {plan.airflow_version}  {url}")
        console.show_status(statuses, time.time())
        console.show(figures.line())
        for remark in (remark for remark in remarks if remark.severity != NOTE):
            console.show_remark(remark)
        for item in statuses:
            if item.state == FAILED:
                console.say(f"\nhint: mwaa-local logs {item.name}")
    if not healthy:
        raise typer.Exit(NOT_HEALTHY_EXIT_CODE)
