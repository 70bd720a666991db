"""Deployments of environments while the API does not answer, refuses, or something of ours breaks."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest

from mwaa_local.guest.aws.cloudformation.control import Refused
from mwaa_local.guest.aws.control_plane import UNAVAILABLE

PACKAGE = "mwaa_local.guest.aws.cloudformation"
# What these modules take from moto, which is not installed here: names alone.
OF_MOTO: dict[str, dict[str, object]] = {
    "moto.cloudformation": {"models": object(), "parsing": object()},
    "moto.cloudformation.exceptions": {
        "UnformattedGetAttTemplateException": Exception,
        "ValidationError": Exception,
    },
    "moto.core.common_models": {"CloudFormationModel": object},
}


class Api:
    """The calls of Control, and what they get; `down` is that nobody answers."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.down = False
        self.refused = ""
        self.found: dict[str, Any] = {"Status": "AVAILABLE", "Arn": "arn", "Tags": {"a": "1", "mine": "x"}}

    def __getattr__(self, name: str) -> Any:
        def call(_region: str, *values: Any) -> Any:
            if self.down:
                raise Refused(UNAVAILABLE, "nobody", 503, "")
            if name == self.refused:
                raise Refused("ValidationException", "no", 400, "")
            if name == "get":
                return self.found
            self.calls.append((name, *values))
            return None

        return call


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, values in OF_MOTO.items():
        module = types.ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("moto", "moto.core"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for name in ("accounts", "deployment", "events"):
        monkeypatch.setitem(sys.modules, f"{PACKAGE}.{name}", types.ModuleType(name))
    vars(sys.modules[f"{PACKAGE}.events"])["OURS"] = "mwaa-local: "
    before = set(sys.modules)
    yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    for name in set(sys.modules) - before:
        if name.startswith(PACKAGE):
            del sys.modules[name]


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def made(modules: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = modules("environment")
    monkeypatch.setattr(module.MwaaEnvironment, "control", api, raising=False)
    environment = module.MwaaEnvironment("us-east-1", "Mine", {"Name": "mine", "Tags": {"a": "1", "b": "2"}})
    environment.is_made = True
    return environment


def test_no_answer_is_waited_for_and_a_failure_in_the_end(made: Any, api: Api, modules: Any, monkeypatch: Any) -> None:
    module = modules("environment")
    now = 1000.0
    monkeypatch.setattr(module.time, "time", lambda: now)
    for ask in (made.is_created, made.is_gone):
        api.down = True
        assert ask() is False
        now += module.NO_ANSWER_S - 1
        assert ask() is False
        api.down = False
        ask()
        api.down = True
        assert ask() is False, "it counts from the first look without an answer"
        now += module.NO_ANSWER_S + 1
        with pytest.raises(module.HandlerFailed, match="nobody"):
            ask()
        api.down = False
        ask()


def test_deletion_that_nobody_took_is_asked_for_again(made: Any, api: Api) -> None:
    api.down = True
    made.delete("", "")
    api.down = False
    assert made.is_gone() is False
    assert api.calls == [("delete", "mine")]


def test_refused_update_changes_no_tags(made: Any, api: Api, modules: Any) -> None:
    api.refused = "update"
    with pytest.raises(modules("environment").HandlerFailed, match="no") as caught:
        made._update({"Name": "mine", "Tags": {"c": "3"}})
    assert caught.value.changed_nothing
    assert api.calls == []


def test_tags_follow_when_the_update_is_made(made: Any, api: Api) -> None:
    made._update({"Name": "mine", "Tags": {"c": "3"}})
    api.found["Status"] = "UPDATING"
    assert made.is_created() is False
    api.found["Status"] = "AVAILABLE"
    assert made.is_created() is True
    assert api.calls == [("update", {"Name": "mine"}), ("untag", "arn", ["a"]), ("tag", "arn", {"c": "3"})]


def test_watch_begins_anew_after_an_error(modules: Any, monkeypatch: Any, capfd: pytest.CaptureFixture[str]) -> None:
    watch = modules("watch")
    stacks, came = [object()], threading.Event()
    monkeypatch.setattr(watch, "EVERY_S", 0.0)
    monkeypatch.setattr(watch.accounts, "unfinished", lambda: list(stacks), raising=False)

    def advance(_stack: object) -> None:
        stacks.clear()
        came.set()

    monkeypatch.setattr(watch.deployment, "advance", advance, raising=False)
    locks = iter([RuntimeError("broken lock"), None])

    @contextlib.contextmanager
    def lock() -> Iterator[None]:
        if error := next(locks):
            raise error
        yield

    watching = watch.Watch(lock)
    watching.begin()
    thread = watching._thread
    if thread:
        thread.join(10)
    assert "broken lock" in capfd.readouterr().err
    watching.begin()
    assert came.wait(10)
