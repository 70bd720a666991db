"""Long steps of a start, and the reports on their progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event as Flag
from typing import TypeVar

from mwaa_local.errors import MwaaLocalError
from mwaa_local.event import COUNTING, Event
from mwaa_local.requirements.install import InstallFailed

T = TypeVar("T")
Say = Callable[[str], None]
# Steps that are told of even when they took no time: the user wrote them.
ALWAYS_REPORTED = ("startup script", "requirements")


class Steps:
    """Does steps one after another and tells `on_event` when one begins to take long, ends or fails."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event

    def until(self, ended: Flag) -> Steps:
        """Return steps that report nothing once `ended` is set: what is cut short has not failed."""
        return Steps(lambda event: None if ended.is_set() else self._on_event(event))

    def passing(self, name: str) -> Say:
        """Return a function that says how far a step has come: of many such reports few are shown."""
        return lambda text: self._on_event(Event(name, COUNTING, detail=text))

    def do(self, name: str, action: Callable[[Say], T]) -> T:
        """Return what `action` returns; it gets a function that says what it is doing."""
        started = time.monotonic()
        announced = False

        def say(text: str) -> None:
            nonlocal announced
            announced = True
            self._on_event(Event(name, "working", detail=text))

        try:
            result = action(say)
        except MwaaLocalError:
            self._on_event(Event(name, "failed", time.monotonic() - started))
            raise
        if announced or name in ALWAYS_REPORTED:
            state = "failed" if isinstance(result, InstallFailed) else "done"
            self._on_event(Event(name, state, time.monotonic() - started))
        return result
