"""Pickles of moto's objects: written by way of `forms`, and read with few names allowed."""

from __future__ import annotations

import importlib
import pickle
import tempfile
from collections.abc import Callable
from typing import Any

from . import forms

# Modules, with all below them, whose classes may be named, beside moto's own: those that hold no more than data.
ROOTS = (
    "moto",
    forms.OURS,
    "botocore",
    "dateutil.tz",
    "ipaddress",
    "joserfc",
    "requests.structures",
    "werkzeug.datastructures",
)
CLASSES = frozenset(
    {
        *(("builtins", name) for name in ("bytearray", "complex", "frozenset", "object", "range", "set", "slice")),
        *(("builtins", name) for name in ("bool", "bytes", "dict", "float", "int", "list", "str", "tuple")),
        *(("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        ("_io", "BytesIO"),
        ("_io", "StringIO"),
        ("copyreg", "_reconstructor"),  # `object.__new__` of a class, for those that ask for it (dateutil's)
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("itertools", "count"),
        ("itertools", "cycle"),
        ("pathlib", "PosixPath"),
        ("types", "SimpleNamespace"),
        ("uuid", "UUID"),
        ("weakref", "WeakValueDictionary"),
        ("zoneinfo", "ZoneInfo"),
    }
)


class NotAllowed(pickle.UnpicklingError):
    """A pickle names what no pickle of ours does."""


def body(digest: str, limit: int) -> Any:
    """Stand in a pickle for what brings the body of an object of S3 back; `Reader` has another one."""
    raise NotImplementedError(digest, limit)


class Writer(pickle.Pickler):
    """Writes moto's objects; `keep` takes the body of an object of S3 and returns how to write it."""

    def __init__(self, file: Any, keep: Callable[[Any], forms.Reduced]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._keep = keep

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, tempfile.SpooledTemporaryFile):
            return self._keep(thing)
        if id(thing) in MAKER_IDS:
            return NotImplemented
        found = forms.reduced(thing)
        return NotImplemented if found is None else found


class Reader(pickle.Unpickler):
    """Reads them; `bring` gets the digest of a body and its limit in memory, and returns the file that moto has."""

    def __init__(self, file: Any, bring: Callable[[str, int], Any]) -> None:
        super().__init__(file)
        self._bring = bring

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names. Raises NotAllowed for all that is no class of data and no maker of ours."""
        if (module, name) == _name_of(body):
            return self._bring
        if (module, name) in MAKERS:
            return MAKERS[module, name]
        if (module, name) in CLASSES:
            return getattr(importlib.import_module(module), name)
        if any(module == root or module.startswith(f"{root}.") for root in ROOTS):
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = vars(found).get(part)
            if isinstance(found, type) and (found.__module__, found.__qualname__) == (module, name):
                return found
        raise NotAllowed(f"{module}.{name} is not among the names that may stand there")


def _name_of(maker: Any) -> tuple[str, str]:
    return maker.__module__, maker.__qualname__


MAKERS = {_name_of(maker): maker for maker in forms.MAKERS}
MAKER_IDS = {id(maker) for maker in (*forms.MAKERS, body)}
