"""How objects are written that pickle cannot write, or would write wrongly; and what makes them anew.

Each writer returns what `object.__reduce__` returns.
"""

from __future__ import annotations

import enum
import importlib
import re
import sys
import tempfile
import threading
import types
import weakref
import zoneinfo
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Reduced = tuple[Any, ...]


def new(cls: Any) -> Any:
    """Return an empty object, whatever its class wants to be made with."""
    return cls.__new__(cls)


def fill(thing: Any, attributes: Mapping[str, Any]) -> None:
    thing.__dict__.update(attributes)


def fill_mapping(thing: Any, state: tuple[Mapping[str, Any], list[tuple[Any, Any]], Any]) -> None:
    attributes, items, factory = state
    if attributes:
        thing.__dict__.update(attributes)
    if factory is not None:
        thing.default_factory = factory
    for key, value in items:
        dict.__setitem__(thing, key, value)


def new_condition() -> threading.Condition:
    return threading.Condition()  # nobody waits at a stop


def new_event(is_set: bool) -> threading.Event:
    event = threading.Event()
    if is_set:
        event.set()
    return event


def fill_weak(thing: Any, items: Mapping[Any, Any]) -> None:
    thing.update(items)


def member(cls: type[enum.Enum], name: str) -> enum.Enum:
    return cls[name]


def method(thing: Any, name: str) -> types.MethodType:
    return types.MethodType(getattr(type(thing), name), thing)


def function(module: str, name: str, line: int, number: int) -> types.FunctionType:
    """Return a function of ours or moto's; where it has no name to be found by, by where it stands in the source."""
    there = importlib.import_module(_known(module))
    found: Any = there
    if not line:
        for part in name.split("."):
            found = vars(found)[part]
        found = getattr(found, "__func__", found)
        if not isinstance(found, types.FunctionType) or found.__module__ != module:
            raise ValueError(f"{module}.{name} is no function of that module")
        return found
    code = [code for code in _codes(there) if (code.co_name, code.co_firstlineno) == (name, line)][number]
    cells = tuple(types.CellType() for _ in code.co_freevars)
    return types.FunctionType(code, vars(there), name, None, cells)


def fill_function(made: types.FunctionType, state: tuple[Any, Any, list[Any]]) -> None:
    made.__defaults__, made.__kwdefaults__, contents = state
    for cell, content in zip(made.__closure__ or (), contents, strict=True):
        cell.cell_contents = content


def private_key(pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem, None)


def public_key(pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return load_pem_public_key(pem)


def certificate(pem: bytes) -> Any:
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem)


def spooled(body: bytes, limit: int) -> Any:
    made = tempfile.SpooledTemporaryFile(limit)  # noqa: SIM115 - moto closes it
    made.write(body)
    return made


# All that a pickle may call, beside the classes that `pickling` knows.
MAKERS: tuple[Callable[..., Any], ...] = (
    new,
    fill,
    fill_mapping,
    threading.Lock,
    threading.RLock,
    new_condition,
    new_event,
    fill_weak,
    member,
    method,
    function,
    fill_function,
    re.compile,
    private_key,
    public_key,
    certificate,
    spooled,
)
WITHOUT_EVENTS = {"stored_bytes": 0, "upload_sequence_token": 0}
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())


def reduced(thing: Any) -> Reduced | None:
    """Return how to write a thing; None for what pickle writes well."""
    cls = type(thing)
    if cls in WRITERS:
        return WRITERS[cls](thing)
    if issubclass(cls, enum.Enum):
        return member, (cls, thing.name)
    if issubclass(cls, dict) and cls.__module__ != "collections":
        return _mapping(thing)
    module = cls.__module__
    if module == "moto.s3.models" and cls.__name__ == "FakeKey":  # its own way has the body in it
        return new, (cls,), thing.__dict__, None, None, fill
    if module == "moto.logs.models" and cls.__name__ == "LogStream":  # its events are kept as they come: `log_events`
        return new, (cls,), {**thing.__dict__, "events": [], **WITHOUT_EVENTS}, None, None, fill
    if module.startswith("cryptography."):
        return _of_cryptography(thing)
    return None


def _mapping(thing: Any) -> Reduced:
    """Return all that is in a dictionary, beneath what its class makes of it: S3's shows the newest versions only."""
    factory = thing.default_factory if isinstance(thing, defaultdict) else None
    attributes = getattr(thing, "__dict__", {})
    return new, (type(thing),), (attributes, list(dict.items(thing)), factory), None, None, fill_mapping


def _weak(thing: Any) -> Reduced:
    return weakref.WeakValueDictionary, (), dict(thing.items()), None, None, fill_weak


def _method(thing: types.MethodType) -> Reduced:
    return method, (thing.__self__, thing.__func__.__name__)


def _function(thing: types.FunctionType) -> Reduced | None:
    module, name = thing.__module__, thing.__qualname__
    _known(module)
    if "<" not in name:
        return function, (module, name, 0, 0)
    code = thing.__code__
    alike = [
        one
        for one in _codes(sys.modules[module])
        if (one.co_name, one.co_firstlineno) == (code.co_name, code.co_firstlineno)
    ]
    contents = [cell.cell_contents for cell in thing.__closure__ or ()]
    place = (module, code.co_name, code.co_firstlineno, alike.index(code))
    return function, place, (thing.__defaults__, thing.__kwdefaults__, contents), None, None, fill_function


def _of_cryptography(thing: Any) -> Reduced | None:
    from cryptography.hazmat.primitives import serialization as form

    if hasattr(thing, "private_bytes"):
        shape = (form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        return private_key, (thing.private_bytes(*shape),)
    if hasattr(thing, "tbs_certificate_bytes"):
        return certificate, (thing.public_bytes(form.Encoding.PEM),)
    if hasattr(thing, "public_bytes"):
        return public_key, (thing.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo),)
    return None


def _known(module: str) -> str:
    if module.partition(".")[0] != "moto" and not module.startswith(f"{OURS}."):
        raise ValueError(f"{module} is no module of moto's")
    return module


def _codes(module: types.ModuleType) -> Iterator[types.CodeType]:
    """Yield the code of every function in a module, in the order of its source."""
    loader = module.__spec__.loader if module.__spec__ else None
    waiting = [loader.get_code(module.__name__)] if loader and hasattr(loader, "get_code") else []
    while waiting:
        code = waiting.pop(0)
        yield code
        waiting += [one for one in code.co_consts if isinstance(one, types.CodeType)]


OURS = __package__.rpartition(".")[0]  # of this program: mwaa_aws where it runs by itself
WRITERS: dict[type, Callable[[Any], Reduced | None]] = {
    _LOCK: lambda _: (threading.Lock, ()),
    _RLOCK: lambda _: (threading.RLock, ()),
    threading.Condition: lambda _: (new_condition, ()),
    threading.Event: lambda event: (new_event, (event.is_set(),)),
    re.Pattern: lambda pattern: (re.compile, (pattern.pattern, pattern.flags)),
    types.FunctionType: _function,
    types.MethodType: _method,
    weakref.WeakValueDictionary: _weak,
    zoneinfo.ZoneInfo: lambda zone: (zoneinfo.ZoneInfo, (zone.key,)),
}
