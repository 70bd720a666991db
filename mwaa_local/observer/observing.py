"""The observer's process: looks whether the environment runs, and has each duty done in a thread of its own."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from mwaa_local.command import interrupt_all
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.errors import MwaaLocalError, NotNow
from mwaa_local.observer.duties import duties_for
from mwaa_local.observer.duty import Duty, Observed
from mwaa_local.observer.launch import END_S, FINISH_S
from mwaa_local.observer.place import LOG_NAME, ObserverFolder
from mwaa_local.place import url_of
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.own_log import log_to
from mwaa_local.services.aws import AWS
from mwaa_local.services.aws_clients import LOCALHOST
from mwaa_local.workspace import Workspace

LOOK_PAUSE_S = 5.0  # between two looks whether the environment runs, and with which plan
FAILED_PAUSE_S = 1.0  # at least, after a round that did not work
GONE_LOOKS = 2  # that find nothing running, one after the other, before an observer ends
ANOTHER_VERSION = "another version of mwaa-local brought this environment up; `mwaa-local up` begins anew ({})"
log = logging.getLogger("mwaa_local.observer")


class Observing:
    """One observer. It ends by SIGTERM, when nothing runs any more, and when its folder is removed."""

    def __init__(self, project: Project, env: Mapping[str, str]) -> None:
        self._workspace = Workspace(project, dict(env))
        self._folder = ObserverFolder.of(project)
        self._ended = threading.Event()
        self._seen: Observed | None = None
        self._unsure = ""  # why it could not be told last

    def run(self) -> None:
        lock = self._folder.take(END_S)  # the one before may still be about to end
        if lock is None:
            return
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._ended.set())
        try:
            log_to(self._workspace.project.logs_dir / LOG_NAME)
            self._observe()
        finally:
            os.close(lock)

    def _observe(self) -> None:
        threads: list[threading.Thread] = []
        gone = 0
        while gone < GONE_LOOKS and self._folder.path.is_dir():
            plan, is_sure = self._look()
            gone = gone + 1 if plan is None and is_sure else 0
            if plan is not None and not self._take_over(plan):
                gone = GONE_LOOKS
            if self._seen is not None and not threads:
                threads = self._begin(self._seen)
            if gone >= GONE_LOOKS or self._ended.wait(LOOK_PAUSE_S):
                break
        if gone >= GONE_LOOKS:
            self._folder.forget()  # else the API would go on starting one
        self._ended.set()
        interrupt_all()  # a worker's startup script, for one: nobody would wait for it
        deadline = time.monotonic() + FINISH_S
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _look(self) -> tuple[Plan | None, bool]:
        """Return the plan that runs, and whether that is sure."""
        try:
            return self._workspace.runtime.running_plan(), True
        except MwaaLocalError as error:  # as of an engine that is just being restarted, or a plan of another version
            if self._unsure != (unsure := str(error)):
                log.warning("cannot tell whether the environment runs: %s", error)
            self._unsure = unsure
            return None, False

    def _take_over(self, plan: Plan) -> bool:
        """Have the plan that runs be the one that is observed; False where nobody can read any more for what."""
        if self._seen is not None:
            if plan != self._seen.plan:
                self._seen = replace(self._seen, plan=plan, aws_url=_aws_url(plan, self._seen.environment))
            return True
        asked = self._folder.asked
        if asked is None:  # `down` came before this process had its lock
            self._ended.set()
            return True
        try:
            environment = Environment.from_kept(asked)
        except (KeyError, ValueError) as error:  # ValueError: pydantic's, too
            log.warning("%s", ANOTHER_VERSION.format(error))
            return False
        runtime, url = self._workspace.runtime, _aws_url(plan, environment)
        self._seen = Observed(self._workspace, environment, runtime, plan, url, self._ended)
        return True

    def _begin(self, seen: Observed) -> list[threading.Thread]:
        duties = duties_for(seen)
        threads = [threading.Thread(target=self._do, args=(duty,), name=duty.name, daemon=True) for duty in duties]
        for thread in threads:
            thread.start()
        return threads

    def _do(self, duty: Duty) -> None:
        told = ""
        while not self._ended.is_set():
            told = self._attempt(duty.name, duty.round, told)
            self._ended.wait(max(duty.interval_s, FAILED_PAUSE_S) if told else duty.interval_s)
        self._attempt(duty.name, duty.finish, told)

    def _attempt(self, name: str, do: Callable[[Observed], None], told: str) -> str:
        """Do it; return what went wrong, which is logged once, however long it lasts."""
        assert self._seen is not None
        try:
            do(self._seen)
        except (NotNow, MwaaLocalError) as error:
            if told != repr(error):
                log.warning("%s: %s", name, error)
            return repr(error)
        except Exception as error:  # a bug, to be seen in the log; it must not end the other duties
            if told != repr(error):
                log.exception("%s did not work; it is tried again", name)
            return repr(error)
        return ""


def _aws_url(plan: Plan, environment: Environment) -> str:
    """Return the URL of the environment's own local AWS, or of the one that its tasks ask; "" where they ask none."""
    if AWS in plan.ports:
        return url_of((LOCALHOST, plan.ports[AWS]))
    choice = environment.local.aws
    return "" if isinstance(choice, AwsMode) else choice.rstrip("/")
