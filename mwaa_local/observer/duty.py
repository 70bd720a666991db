"""Duty: one thing that an observer does again and again, and what it gets to do it with."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mwaa_local.plan import Plan
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.workspace import Workspace

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment


@dataclass(frozen=True)
class Observed:
    """A running environment, as it was seen last."""

    workspace: Workspace
    environment: Environment  # as it was brought up or changed last, whatever mwaa.yaml says by now
    runtime: Runtime
    plan: Plan  # that runs
    aws_url: str  # of its local AWS, or of the one that it shares or names by URL; "" where its tasks ask none of these
    ended: threading.Event  # the observer is about to end: what waits within a round waits on this


class Duty(Protocol):
    """What is done in rounds, in a thread of its own: a slow duty delays no other."""

    @property
    def name(self) -> str: ...

    @property
    def interval_s(self) -> float:
        """Seconds from the end of one round to the beginning of the next."""

    def round(self, observed: Observed) -> None:
        """Do it once. Whatever this raises is logged when it is new, and the next round comes all the same."""

    def finish(self, observed: Observed) -> None:
        """Do what is left to do, while the environment stops. It has FINISH_S, together with the round before."""
