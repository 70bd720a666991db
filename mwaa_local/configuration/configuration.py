"""The variables of every component in one start: the environment, what this machine adds, what was merged.

Pure, like `merge`, which does the merging; this only holds what every merge of one start has in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mwaa_local.configuration.base import Services, container_env
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import WEBSERVER, MergedVariables, merge, startup_view
from mwaa_local.environment.environment import Environment
from mwaa_local.packages import PythonEnvironment
from mwaa_local.plan import MWAA_COMPONENTS
from mwaa_local.project import Project
from mwaa_local.release import Release

Exports = Mapping[str, Mapping[str, str]]  # MWAA component -> what the startup script exported in it


@dataclass(frozen=True)
class Configuration:
    """What every merge of one start has in common. `host_env` is the caller's shell."""

    project: Project
    environment: Environment
    release: Release
    values: LocalValues
    home_dir: str
    host_env: Mapping[str, str]
    left_out: frozenset[str] = frozenset()  # of the container's variables: what this place has of its own
    services: Services = field(default_factory=dict)
    webserver: Mapping[str, str] = field(default_factory=dict)  # what no component but the web server has

    def container(self, packages: PythonEnvironment, component: str) -> dict[str, str]:
        """Return the base environment of a component."""
        places = (packages, self.home_dir)
        env = container_env(self.project, self.environment, self.release, *places, self.host_env, self.services)
        env |= self.webserver if component == WEBSERVER else {}
        return {name: value for name, value in env.items() if name not in self.left_out}

    def startup_views(self, packages: PythonEnvironment) -> dict[str, dict[str, str]]:
        """Return, for each MWAA component, what its startup script sees."""
        parts = (self.release, self.environment, self.values)
        return {
            name: startup_view(*parts, component=name, container=self.container(packages, name))
            for name in MWAA_COMPONENTS
        }

    def merged(self, packages: PythonEnvironment, exports: Exports) -> dict[str, MergedVariables]:
        """Return, for each MWAA component, its variables."""
        return {name: self.merged_for(name, packages, exports.get(name, {})) for name in MWAA_COMPONENTS}

    def merged_for(self, name: str, packages: PythonEnvironment, exports: Mapping[str, str]) -> MergedVariables:
        return merge(
            self.release,
            self.environment,
            self.values,
            component=name,
            container=self.container(packages, name),
            startup_exports=exports,
        )
