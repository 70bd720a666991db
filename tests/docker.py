"""Real containers in tests: whether there can be any, and a Docker runtime that runs whatever plan it is given."""

from __future__ import annotations

import functools
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mwaa_local.errors import DockerUnavailable
from mwaa_local.event import Event
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.compose.stored import ComposeProject
from mwaa_local.runtime.protocol import Prepared

IMAGE = "python:3.12-slim-bookworm"  # any with glibc would do: programs are run by the tests' own interpreter


@functools.cache
def why_no_docker() -> str:
    """Return why no container can run here, or nothing."""
    try:
        engine = Engine.open(os.environ)
    except DockerUnavailable as error:
        return f"{error.what} ({error.why})"
    return "" if engine.has_image(IMAGE) else f"no image {IMAGE}: tests/engine/prepare.sh or `docker pull` brings it"


def skip_without_docker() -> None:
    if reason := why_no_docker():
        pytest.skip(reason)


class GeneratedRuntime(ComposeRuntime):
    """The Docker runtime on a compose file that has one service for each component of the plan.

    Containers share the machine's network, and its interpreter and the project's folder at the same paths, so that a
    component can be the same small program in every runtime. `settings` are added to services, by name; those named in
    `replicated` have several containers, as the worker has.
    """

    def __init__(
        self,
        project: Project,
        env: Mapping[str, str],
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        replicated: Sequence[str] = (),
    ) -> None:
        super().__init__(project, env)
        self.settings = settings or {}
        self.replicated = replicated

    def start(self, prepared: Prepared, on_event: Callable[[Event], None]) -> tuple[Remark, ...]:
        self.own.use(self.write(prepared.plan))
        return super().start(prepared, on_event)

    def write(self, plan: Plan) -> ComposeProject:
        services: dict[str, dict[str, Any]] = {}
        for component in plan.components:
            name = component.name.partition(".")[0]
            name = name if name in self.replicated else component.name
            count = services[name]["scale"] + 1 if name in services else 1
            services[name] = {**self._service(component, plan), **self.settings.get(name, {}), "scale": count}
        path = self.project.state_dir / "generated" / "compose.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "variables.env").write_text("FROM_A_FILE=1\n")
        # A dollar would begin a variable. JSON is YAML.
        path.write_text(json.dumps({"services": services}).replace("$", "$$"), encoding="utf-8")
        return ComposeProject(compose_name(self.project), path.parent, path)

    def _service(self, component: Component, plan: Plan) -> dict[str, Any]:
        conditions = {
            name: "service_completed_successfully" if isinstance(other.ready, ExitedOk) else "service_started"
            for name in component.depends_on
            if (other := plan.component(name)) is not None
        }
        folders = {str(self.project.root_dir): False, sys.prefix: True, sys.base_prefix: True}
        return {
            "image": IMAGE,
            "init": True,
            "network_mode": "host",
            "user": f"{os.getuid()}:{os.getgid()}",
            "entrypoint": [],
            "command": list(component.argv),
            "environment": dict(component.env),
            "env_file": "variables.env",
            "working_dir": plan.home_dir,
            "volumes": [
                {"type": "bind", "source": folder, "target": folder, "read_only": read_only}
                for folder, read_only in folders.items()
            ],
            "restart": _restart_policy(component),
            "stop_signal": component.stop_signal,
            "stop_grace_period": f"{math.ceil(component.stop_timeout_s)}s",  # the engine counts whole seconds
            "depends_on": {name: {"condition": condition} for name, condition in conditions.items()},
        }


def _restart_policy(component: Component) -> str:
    if not component.restart:
        return "no"
    return "on-failure" if isinstance(component.ready, ExitedOk) else "unless-stopped"
