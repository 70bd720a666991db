"""Symbolic links through which a walk that follows links, as Airflow's does, reaches a folder more than once.

Airflow 2.10 and 3 refuse a DAGs or plugins folder that has one, and find nothing in it; 2.2 finds the same files again
and again. Runs in a release's interpreter too, on Python 3.7.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Callable, Iterator  # noqa: UP035 - collections.abc's cannot be subscripted in Python 3.7

# Where it leads: to a folder above it; to one found elsewhere, too; to nothing.
LOOP, TWICE, ITSELF, NOWHERE = "loop", "twice", "itself", "nowhere"
_walk = os.walk


def repeating_links(top: str) -> dict[str, str]:
    """Return path -> kind of the links of such kinds below a folder."""
    found: dict[str, str] = {}
    for _ in _walk_once(found.setdefault, top):
        pass
    return found


@contextlib.contextmanager
def walking_once() -> Iterator[None]:
    """Let every walk that follows links pass over those that lead to a folder which is found anyway."""

    def walk(top: Any, topdown: bool = True, onerror: Any = None, followlinks: bool = False) -> Any:
        if topdown and followlinks:
            return _walk_once(lambda _path, _kind: None, top, onerror)
        return _walk(top, topdown, onerror, followlinks)

    os.walk = walk
    try:
        yield
    finally:
        os.walk = _walk


def _walk_once(on_link: Callable[[str, str], Any], top: Any, onerror: Any = None) -> Any:
    """Walk as `os.walk` does that follows links; the caller may take folders out of what it gets, as there."""
    top_real = Path(os.path.realpath(str(top)))
    seen = {top_real}
    for root, folders, files in _walk(top, True, onerror, True):
        for name in sorted(folders):
            path = Path(root) / name
            real = Path(os.path.realpath(str(path)))
            kind = _kind(path, real, top_real, seen)
            if kind:
                folders.remove(name)
                on_link(str(path), kind)
            else:
                seen.add(real)
        for name in files:
            path = Path(root) / name
            kind = _kind_of_dead(path) if path.is_symlink() else ""
            if kind:
                on_link(str(path), kind)
        yield root, folders, files


def _kind(path: Path, real: Path, top: Path, seen: set[Path]) -> str:
    if path.is_symlink():
        here = Path(os.path.realpath(str(path.parent)))
        if real in (here, top, *here.parents, *top.parents):
            return LOOP
        return TWICE if real in seen or top in real.parents else ""
    return TWICE if real in seen else ""  # come to by another link, which leads out of the folder


def _kind_of_dead(path: Path) -> str:
    try:
        path.stat()
    except FileNotFoundError:
        return NOWHERE
    except OSError:  # ELOOP
        return ITSELF
    return ""
