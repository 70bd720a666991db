"""Inside a release's interpreter: what is known of an exception with which a file of the user's could not be imported.

As values, for `check.failures` to judge: the same of DAG files and plugins. Runs on Python 3.7 too.
"""

from __future__ import annotations

import inspect
import linecache
import re
import socket
import sys
from collections.abc import Iterator
from typing import Any

from import_recorder import BLOCKED_NAMES, LIBRARY_DIR, DatabaseRefused, Recorder  # type: ignore[import-not-found]
from import_subjects import of_aws, of_error, of_error_text  # type: ignore[import-not-found]

CONNECTION_ERRORS = (ConnectionError, socket.timeout, socket.gaierror)
TIMEOUT_ERROR = "AirflowTaskTimeout"
PACKAGES_DIR = re.compile(
    r"(?<=\()/[^()]*/site-packages/"
)  # in `cannot import name 'a' from 'b' (/x/site-packages/b.py)`
AIRFLOW_DIR = "/site-packages/airflow/"
# What runs when an operator, a DAG or a timetable is made; `factory` is what `@dag` makes of a function.
MAKERS = ("__init__", "__new__", "__call__", "apply_defaults", "__attrs_post_init__", "factory")
SERIALIZATION_DIR = f"{AIRFLOW_DIR}serialization/"
MAX_FRAMES = 12  # of the user's in one traceback; a recursion has a thousand
MAX_SAID_CHARACTERS = 2000
# What an older version of a package raises where it lacks something, itself or in the line that wants it.
OF_VERSIONS = (AttributeError, ImportError, TypeError)
PACKAGE_FILE = re.compile(r".*/site-packages/(.+)")
CALLED = re.compile(r"([\w.]+)\(\) (?:got an unexpected|missing \d|takes \d)")


def described(recorder: Recorder, error: BaseException, kind: str = "") -> dict[str, Any]:
    """Return the members of an answer on a failed import; `path` is "" where no file of the user's is to blame."""
    chain = list(_chain(error))
    frames = recorder.frames(error.__traceback__)
    own = [frame for frame in frames if frame[1]]
    path, line = (own[-1][1], own[-1][2]) if own else ("", 0)
    trace = _cut(frames, own)
    if isinstance(error, SyntaxError) and recorder.name_of(str(error.filename)):
        path, line = recorder.name_of(str(error.filename)), error.lineno or 0
        trace += _source(error)
    if any(isinstance(item, DatabaseRefused) for item in chain) or _lacks_blocked_name(error):
        kind = "database"
    elif type(error).__name__ == TIMEOUT_ERROR:
        kind = "timeout"
    return {
        "kind": kind or "error",
        "said": _one_line(error),
        "path": path,
        "line": line,
        "trace": trace,
        "missing": (error.name or "") if isinstance(error, ModuleNotFoundError) else "",
        "connection": any(isinstance(item, CONNECTION_ERRORS) for item in chain),
        "aws": next(filter(None, map(of_aws, chain)), ""),
        "asked_by": _asked_by(frames) if kind == "database" else "",
        "subjects": of_error(error),
        "library": _library(error),
        "file": next((str(item.filename or "") for item in chain if isinstance(item, FileNotFoundError)), ""),
    }


def of_text(said: str) -> dict[str, Any]:
    """Return the same of an exception of which only the words are left."""
    subjects = of_error_text(said)
    missing = next((item["name"] for item in subjects if item["kind"] == "module"), "")
    known: dict[str, Any] = {"kind": "error", "said": said, "path": "", "line": 0, "trace": [], "missing": missing}
    return dict(known, connection=False, subjects=subjects)


def _library(error: BaseException) -> str:
    """Return the installed module that lacks what was wanted of it, as `pandas.core.frame`; "" for none.

    That is the one that an import names, or whose module, class or function lacks an attribute or an argument; else
    the one that raised the exception itself.
    """
    if isinstance(error, ModuleNotFoundError) or not isinstance(error, OF_VERSIONS):
        return ""
    lacking = _lacking(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = lacking or (trace.tb_frame.f_code.co_filename if trace is not None else "")
    found = PACKAGE_FILE.fullmatch(file)
    if found is None:
        return ""
    name = re.sub(r"(/__init__)?(\.[\w-]+)*\.(py|so|pyd)$", "", found[1])
    return name.replace("/", ".")


def _lacking(error: BaseException) -> str:
    """Return the file of what lacks something; "" where the exception does not tell."""
    if isinstance(error, ImportError):
        return str(error.path or "")
    if isinstance(error, TypeError):
        return _file_of(_called(error))
    of = getattr(error, "obj", None)
    if of is None:
        words = re.match(r"module '([\w.]+)' has no attribute", str(error))
        of = sys.modules.get(words[1]) if words else None
    return _file_of(of if inspect.ismodule(of) or inspect.isclass(of) else type(of))


def _called(error: BaseException) -> Any:
    """Return what was called with arguments that it does not take, from a line of the user's; None if unknown."""
    words, trace = CALLED.match(str(error)), error.__traceback__
    if words is None or trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    names = dict(trace.tb_frame.f_globals, **trace.tb_frame.f_locals)
    first = words[1].partition(".")[0]
    if first != "__init__":
        return _named(first, names)
    # Before Python 3.10 it does not say of which class: the first one that the line calls.
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    called = (_named(name, names) for name in re.findall(r"(\w+)\s*\(", line))
    return next((item for item in called if inspect.isclass(item)), None)


def _named(name: str, names: dict[str, Any]) -> Any:
    """Return what has the name in a file's names, or in those of a module among them; None if nothing has."""
    if name in names:
        return names[name]
    modules = (vars(item) for item in names.values() if inspect.ismodule(item))
    return next((members[name] for members in modules if name in members), None)


def _file_of(of: Any) -> str:
    module = of if inspect.ismodule(of) else sys.modules.get(str(getattr(of, "__module__", "")))
    return str(getattr(module, "__file__", None) or "")


def _lacks_blocked_name(error: BaseException) -> bool:
    """Whether it is what Python makes of `from airflow.settings import engine` where Airflow 3 blocks that name."""
    of_settings = isinstance(error, ImportError) and error.name == "airflow.settings"
    return of_settings and any(str(error).startswith("cannot import name %r" % name) for name in BLOCKED_NAMES)  # noqa: UP031


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) if not isinstance(error, SyntaxError) else str(error.msg)
    text = PACKAGES_DIR.sub("", text)
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return said[:MAX_SAID_CHARACTERS]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _source(error: SyntaxError) -> list[str]:
    """Return the line that Python cannot read and, where it says so, a mark below the place."""
    text = (error.text or "").rstrip()
    source = text.lstrip()[:MAX_SAID_CHARACTERS]
    place = (error.offset or 0) - 1 - (len(text) - len(text.lstrip()))
    mark = [" " * place + "^"] if 0 <= place <= len(source) else []
    return [source, *mark] if source else []


def _asked_by(frames: list[tuple[str, str, int, str]]) -> str:
    """Return the class of Airflow's that was being made for the user when it asked the database; "" for none.

    It is the first function of a package that the user's line calls: what makes an object, or Airflow's own decorator
    of that. A query of the user's own begins with a session, which is made by `utils/session.py`. Where Airflow
    serialises the DAG, no line of the user's is the cause.
    """
    last = max((number for number, frame in enumerate(frames) if frame[1]), default=-1)
    later = [frame for frame in frames[last + 1 :] if AIRFLOW_DIR in frame[0]]
    if last < 0 and later and SERIALIZATION_DIR in later[0][0]:
        return str(LIBRARY_DIR.sub("", later[0][0]))
    if not later or later[0][3] not in MAKERS:
        return ""
    makers = [frame for frame in later if frame[3] in MAKERS]
    return str(LIBRARY_DIR.sub("", makers[-1][0]))


def _cut(frames: list[tuple[str, str, int, str]], own: list[tuple[str, str, int, str]]) -> list[str]:
    """Return the user's frames, and the last one where that is a library's."""
    lines = []
    kept = own if len(own) <= MAX_FRAMES else [*own[: MAX_FRAMES // 2], *own[-MAX_FRAMES // 2 :]]
    if own and frames[-1] != own[-1]:
        kept = [*kept, frames[-1]]
    for filename, name, line, function in kept:
        shown = name or LIBRARY_DIR.sub("", filename)
        lines.append(f'File "{shown}", line {line}, in {function}')
        source = linecache.getline(filename, line).strip()
        if source:
            lines.append(f"  {source}")
    return lines
