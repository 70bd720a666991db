"""Pickles of what the local AWS holds: what comes back that pickle cannot write, and what none may name."""

from __future__ import annotations

import datetime
import enum
import importlib
import io
import os
import pickle
import re
import sys
import threading
import weakref
import zoneinfo
from collections import OrderedDict, defaultdict, deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest.aws.state import forms
from mwaa_local.guest.aws.state.pickling import NotAllowed, Reader, Writer


class Hidden(dict):  # type: ignore[type-arg]
    """A dictionary that shows less than it has, and whose items cannot be set, as S3's."""

    def __init__(self, needed: object) -> None:
        self.needed = needed

    def items(self) -> Any:
        raise NotImplementedError

    def __setitem__(self, key: object, value: object) -> None:
        raise NotImplementedError


class Kind(enum.Enum):
    ONE = "1"


def _round(thing: Any) -> Any:
    def no_body(*_: Any) -> Any:
        raise NotImplementedError

    file = io.BytesIO()
    Writer(file, no_body).dump(thing)
    return Reader(io.BytesIO(file.getvalue()), no_body).load()


@pytest.fixture
def tests_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let classes of this module stand for moto's."""
    from mwaa_local.guest.aws.state import pickling

    monkeypatch.setattr(pickling, "ROOTS", (*pickling.ROOTS, __name__))


@pytest.mark.usefixtures("tests_are_ours")
def test_what_pickle_cannot_write_comes_back() -> None:
    hidden = Hidden("needed")
    dict.__setitem__(hidden, "a", [1, 2])
    dict.__setitem__(hidden, "itself", hidden)
    event, held = threading.Event(), threading.Lock()
    event.set()
    held.acquire()
    waiting = threading.Condition()
    found = _round([hidden, event, held, waiting, threading.RLock(), re.compile("a+", re.IGNORECASE), Kind.ONE])
    assert found[0].needed == "needed"
    assert dict.__getitem__(found[0], "a") == [1, 2]
    assert dict.__getitem__(found[0], "itself") is found[0]
    assert found[1].is_set()
    assert found[2].acquire(blocking=False)  # nobody holds it
    with found[3]:
        found[3].notify_all()
    assert found[5].fullmatch("AAA")
    assert found[6] is Kind.ONE


def test_plain_data_comes_back() -> None:
    factory = defaultdict(list, {"a": [1]})
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    things = [
        factory,
        OrderedDict(b=1, a=2),
        deque([1], 5),
        Decimal("1.50"),
        datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC),
        datetime.datetime(2026, 11, 30, tzinfo=zone),
        {1, 2},
        Path("/a"),
        io.BytesIO(b"x").getvalue(),
    ]
    found = _round(things)
    assert found == things
    found[0]["new"].append(1)
    assert found[0]["new"] == [1]


@pytest.mark.usefixtures("tests_are_ours")
def test_weak_references_hold_what_something_else_holds() -> None:
    one = Hidden(1)
    weak: Any = weakref.WeakValueDictionary({"one": one})
    found_one, found_weak = _round((one, weak))
    assert found_weak["one"] is found_one


FUNCTIONS = """
def adder(number, *, least=0):
    add = lambda other, more=1: max(least, number + other + more); subtract = lambda other: number - other
    return add, subtract
"""


def test_functions_of_ours_come_back_by_where_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "kept_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(forms, "OURS", "kept_package")
    functions = importlib.import_module("kept_package.functions")
    try:
        add, subtract = _round(functions.adder(3, least=9))
        assert (add(4), add(9), subtract(1)) == (9, 13, 2)
        assert _round(functions.adder) is functions.adder
    finally:
        for name in ("kept_package.functions", "kept_package"):
            del sys.modules[name]


def test_functions_of_others_do_not() -> None:
    with pytest.raises(ValueError, match="is no module of moto's"):
        _round(os.path.join)


class _Calls:
    """What a pickle that is out for harm looks like."""

    def __init__(self, what: Any, *words: Any) -> None:
        self.what, self.words = what, words

    def __reduce__(self) -> Any:
        return self.what, self.words


def _named(module: str, name: str) -> bytes:
    """Return a pickle that names something."""
    return b"\x80\x04" + b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name)) + b"\x93."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("subprocess", "Popen"),
        ("mwaa_local.guest.aws.state.folder", "os"),
        ("mwaa_local.guest.aws.state.folder", "os.system"),
        ("mwaa_local.guest.aws.state.folder", "_write_whole"),
        ("mwaa_local.guest.aws.state.folder", "Folder.write"),
        ("mwaa_local.guest.aws.state.folder", "tempfile.SpooledTemporaryFile"),
        ("mwaa_local.guest.aws.state.folder", "Path"),
        ("functools", "partial"),
        ("motoring", "Anything"),
    ],
)
def test_what_a_pickle_may_not_name(module: str, name: str) -> None:
    with pytest.raises((NotAllowed, ModuleNotFoundError)) as caught:
        Reader(io.BytesIO(_named(module, name)), lambda _digest, _limit: None).load()
    assert caught.type is NotAllowed


def test_a_pickle_that_calls_something_does_not(tmp_path: Path) -> None:
    harm = pickle.dumps(_Calls(os.mkdir, str(tmp_path / "harm")))
    with pytest.raises(NotAllowed):
        Reader(io.BytesIO(harm), lambda _digest, _limit: None).load()
    assert not (tmp_path / "harm").exists()


def test_functions_are_brought_from_no_other_module() -> None:
    for module, name in (("os", "system"), ("mwaa_local.files", "write_private")):
        with pytest.raises(ValueError, match="is no module of moto's"):
            forms.function(module, name, 0, 0)
    with pytest.raises(ValueError, match="is no function of that module"):
        forms.function("mwaa_local.guest.aws.state.folder", "Folder", 0, 0)
