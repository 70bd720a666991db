"""The values that members of the `Local` section choose from, for commands that need no more of it."""

from __future__ import annotations

import enum


class RuntimeKind(enum.StrEnum):
    """What carries the plan out; auto takes Docker where it runs, else plain processes."""

    AUTO = "auto"
    PROCESS = "process"
    DOCKER = "docker"


class AwsMode(enum.StrEnum):
    """Which AWS tasks reach: none, the real one as the caller or by a profile, or one of this machine's own."""

    NONE = "none"
    HOST = "host"
    LOCAL = "local"
    PROFILE = "profile"


AwsChoice = AwsMode | str  # the address of an emulator that somebody else runs


class Intervals(enum.StrEnum):
    """How soon Airflow notices new DAG files, due tasks and ended tasks: within seconds, or as MWAA does."""

    FAST = "fast"
    MWAA = "mwaa"


class LoginMode(enum.StrEnum):
    """How one comes into Airflow's pages: as Airflow lets in without an AWS, or with a web login token alone."""

    OPEN = "open"
    MWAA = "mwaa"
