"""Sections of Airflow's own that only some of MWAA's releases have. Facts only.

Where an option is in such a section, it was written for another release. Sections of providers are not here: they come
and go with the packages that a requirements file installs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from packaging.version import Version

# Section -> the first and the last of MWAA's releases that have it; "" is no end.
# Source: `default_airflow.cfg`, from 2.7 on `config.yml`, in `airflow/config_templates` of each release.
SECTIONS_OF_SOME: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "admin": ("", "2.0.2"),
        "api_auth": ("3.0.6", ""),
        "callbacks": ("3.3.1", ""),
        "cli": ("", "2.11.2"),
        "connection_test": ("3.3.1", ""),
        "dag_processor": ("3.0.6", ""),
        "database": ("2.4.3", ""),
        "debug": ("", "2.11.2"),
        "execution_api": ("3.0.6", ""),
        "github_enterprise": ("", "2.2.2"),
        "kubernetes": ("", "2.4.3"),
        "ldap": ("", "1.10.12"),
        "logging": ("2.0.2", ""),
        "mesos": ("", "1.10.12"),
        "metrics": ("2.0.2", ""),
        "profiling": ("3.2.1", ""),
        "sdk": ("3.3.1", ""),
        "sensors": ("2.4.3", ""),
        "smart_sensor": ("2.0.2", "2.2.2"),
        "state_store": ("3.3.1", ""),
        "traces": ("2.10.1", ""),
        "triggerer": ("2.2.2", ""),
        "webserver": ("", "3.0.6"),
        "workers": ("3.0.6", ""),
    }
)
# What Airflow reads although it does not list the section any more (airflow/utils of 3.0.6 to 3.3.1).
STILL_READ = frozenset({"debug.sqlalchemy_stats", "webserver.log_request_clock_grace"})


def releases_with(section: str, airflow_version: str) -> str:
    """Return which of MWAA's releases have a section that this one has not, in words; "" where this one has it."""
    first, last = SECTIONS_OF_SOME.get(section, ("", ""))
    version = Version(airflow_version)
    if first and version < Version(first):
        return f"from {first} to {last}" if last else f"from {first} on"
    return f"up to {last}" if last and version > Version(last) else ""
