"""What the local AWS keeps, without moto: whose file is read, what a pickle may name, when a copy is written."""

from __future__ import annotations

import datetime
import enum
import importlib
import io
import os
import pickle
import re
import sys
import tempfile
import threading
import weakref
import zoneinfo
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest.aws.locks import Locks
from mwaa_local.guest.aws.state import forms
from mwaa_local.guest.aws.state.folder import INLINE_BYTES, Folder, Unreadable, Unusable
from mwaa_local.guest.aws.state.pickling import NotAllowed, Reader, Writer
from mwaa_local.guest.aws.state.writes import FORM, may_write

KEY = b"a key"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "aws", KEY, "5.2.5")
    made.open()
    made.write(b"everything", set())
    return made


def state_of(folder: Folder) -> Path:
    return folder.path / "kept" / "state"


def test_what_was_written_is_read_and_private(folder: Folder) -> None:
    assert folder.read() == b"everything"
    folder.write(b"something else", set())
    assert folder.read() == b"something else"
    assert state_of(folder).stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_without_a_copy_there_is_nothing(tmp_path: Path) -> None:
    made = Folder(tmp_path / "aws", KEY, "5.2.5")
    made.open()
    assert made.read() is None


def _torn(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:-1])


def _empty(state: Path) -> None:
    state.write_bytes(b"")


def _changed(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:-1] + b"!")


def _readable(state: Path) -> None:
    state.chmod(0o640)


def _writable(state: Path) -> None:
    state.chmod(0o602)


def _link(state: Path) -> None:
    state.rename(state.parent / "elsewhere")
    state.symlink_to(state.parent / "elsewhere")


def _of_another_user(state: Path) -> None:
    os.chown(state, 12345, 12345)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_torn, "it is torn, or was not written by your mwaa-local on this machine"),
        (_empty, "it is torn, or is no copy of ours"),
        (_changed, "it is torn, or was not written by your mwaa-local on this machine"),
        (_readable, "other users may use it: its mode is 640, not 600"),
        (_writable, "other users may use it: its mode is 602, not 600"),
        (_link, "it cannot be opened: Too many levels of symbolic links"),
        pytest.param(_of_another_user, "it belongs to another user", marks=AS_ROOT),
    ],
)
def test_a_copy_that_cannot_be_trusted_is_not_read(spoil: Callable[[Path], None], why: str, folder: Folder) -> None:
    spoil(state_of(folder))
    with pytest.raises(Unreadable, match=re.escape(why)):
        folder.read()


@pytest.mark.parametrize(
    ("key", "version", "why"),
    [
        (b"another key", "5.2.5", "it is torn, or was not written by your mwaa-local on this machine"),
        (KEY, "5.2.6", "it was written with moto-5.2.5, and this is moto-5.2.6"),
    ],
)
def test_a_copy_of_another_user_or_version_is_not_read(key: bytes, version: str, why: str, folder: Folder) -> None:
    with pytest.raises(Unreadable, match=re.escape(why)):
        Folder(folder.path, key, version).read()


def test_another_version_cannot_be_written_over_the_signed_one(folder: Folder) -> None:
    path = state_of(folder)
    path.write_bytes(path.read_bytes().replace(b"5.2.5", b"5.2.6", 1))
    with pytest.raises(Unreadable, match="was not written by your mwaa-local"):
        Folder(folder.path, KEY, "5.2.6").read()


def test_what_is_set_aside_is_kept_whole_and_out_of_the_way(folder: Folder) -> None:
    first = folder.set_aside()
    assert (first / "state").read_bytes().endswith(b"everything")
    assert folder.read() is None
    folder.write(b"anew", set())
    assert folder.set_aside() != first
    assert len(list(folder.path.glob("aside-*"))) == 2


@pytest.mark.parametrize("kind", ["file", "link", pytest.param("another user's", marks=AS_ROOT)])
def test_a_folder_that_is_not_ours_is_not_used(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "aws"
    if kind == "file":
        path.touch()
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
        os.chown(path, 12345, 12345)
    with pytest.raises(Unusable, match=re.escape(str(path))):
        Folder(path, KEY, "5.2.5").open()


def test_a_crash_while_writing_leaves_the_former_copy(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space left"):
        folder.write(b"half of it", set())
    assert folder.read() == b"everything"
    monkeypatch.undo()
    folder.open()
    assert {path.name for path in state_of(folder).parent.iterdir()} == {"state", "bodies"}


def _spooled(content: bytes) -> Any:
    made = tempfile.SpooledTemporaryFile(1 << 20)  # noqa: SIM115 - as moto's
    made.write(content)
    return made


def _kept(folder: Folder, things: Any) -> bytes:
    file, bodies = io.BytesIO(), set[str]()
    Writer(file, lambda body: folder.keep_body(body, bodies)).dump(things)
    folder.write(file.getvalue(), bodies)
    return file.getvalue()


def _brought(folder: Folder) -> Any:
    found = folder.read()
    assert found is not None
    return Reader(io.BytesIO(found), folder.bring_body).load()


def _content(file: Any) -> bytes:
    file.seek(0)
    found: bytes = file.read()
    return found


def test_large_bodies_are_written_once_and_go_with_their_objects(folder: Folder) -> None:
    small, large = b"s" * INLINE_BYTES, b"l" * (INLINE_BYTES + 1)
    files = [_spooled(small), _spooled(large), _spooled(large)]
    _kept(folder, files)
    (path,) = (state_of(folder).parent / "bodies").iterdir()
    written = path.stat().st_mtime_ns
    again = _brought(folder)
    assert [_content(file) for file in again] == [small, large, large]
    pickled = _kept(folder, again)
    assert path.stat().st_mtime_ns == written
    assert large not in pickled
    _kept(folder, again[:1])
    assert not path.exists()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"!"), lambda path: path.chmod(0o644)])
def test_a_body_that_is_missing_or_spoiled_is_noticed(spoil: Callable[[Path], Any], folder: Folder) -> None:
    _kept(folder, [_spooled(b"l" * (INLINE_BYTES + 1))])
    (path,) = (state_of(folder).parent / "bodies").iterdir()
    spoil(path)
    with pytest.raises(Unreadable):
        _brought(folder)


def test_the_closed_body_of_a_deleted_object_is_no_failure(folder: Folder) -> None:
    gone = _spooled(b"gone")
    gone.close()
    _kept(folder, [gone])
    assert _content(_brought(folder)[0]) == b""


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


@pytest.mark.parametrize(
    ("environ", "body", "is_write"),
    [
        ({"REQUEST_METHOD": "GET"}, b"", False),
        ({"REQUEST_METHOD": "HEAD"}, b"", False),
        ({"REQUEST_METHOD": "PUT"}, b"Action=GetNothing", True),  # an object
        ({"REQUEST_METHOD": "PUT", "CONTENT_TYPE": FORM}, b"Action=GetNothing", True),
        ({"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data"}, b"Action=GetNothing", True),
        ({"REQUEST_METHOD": "PUT"}, b"content of an object", True),
        ({"REQUEST_METHOD": "DELETE"}, b"", True),
        (
            {"REQUEST_METHOD": "POST", "CONTENT_TYPE": f"{FORM}; charset=utf-8"},
            b"Action=ListUsers&Version=2010-05-08",
            False,
        ),
        ({"REQUEST_METHOD": "POST", "CONTENT_TYPE": FORM}, b"Version=2010-05-08&Action=CreateUser", True),
        ({"REQUEST_METHOD": "GET", "QUERY_STRING": "Action=CreateUser&UserName=a"}, b"", True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.Query"}, b"{}", False),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.PutItem"}, b"{}", True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "AmazonSQS.ReceiveMessage"}, b"{}", True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "secretsmanager.GetSecretValue"}, b"{}", False),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "Kinesis.Getting"}, b"{}", True),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/service/CloudWatch/operation/ListMetrics"}, b"\xbf", False),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/service/CloudWatch/operation/PutMetricData"}, b"\xbf", True),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/moto-api/reset"}, b"", True),
    ],
)
def test_which_requests_may_write(environ: dict[str, str], body: bytes, is_write: bool) -> None:
    assert may_write(environ, body) is is_write


def test_all_locks_are_held_together_or_none() -> None:
    locks = Locks()
    for name in ("a", "b"):
        with locks.held(name):
            pass
    with locks.all_held(1.0) as is_quiet:
        assert is_quiet
        begun, came = threading.Event(), list[str]()

        def ask(name: str) -> None:
            begun.set()
            with locks.held(name):
                came.append(name)

        threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "new")]
        for thread in threads:
            thread.start()
        assert begun.wait(5)
        assert came == []
    for thread in threads:
        thread.join(5)
    assert sorted(came) == ["a", "new"]


def test_a_service_that_is_busy_keeps_nobody_else_waiting() -> None:
    locks = Locks()
    inside, over = threading.Event(), threading.Event()

    def work() -> None:
        with locks.held("busy"):
            inside.set()
            over.wait(5)

    worker = threading.Thread(target=work)
    with locks.held("other"):
        pass
    worker.start()
    assert inside.wait(5)
    with locks.all_held(0.05) as is_quiet:
        assert not is_quiet
        with locks.held("other"):  # it was given back
            pass
    over.set()
    worker.join(5)
    with locks.all_held(1.0) as is_quiet:
        assert is_quiet
