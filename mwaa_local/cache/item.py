"""Item: one thing that is kept outside of projects, and why it stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Item:
    """`used_by` names projects that exist; `kept_because` is any other reason for which it cannot be removed."""

    kind: str
    name: str
    release: str = ""
    size_bytes: int | None = None  # None where nobody says it
    last_used: float | None = None  # epoch seconds; None when that was before it was noted
    used_by: tuple[str, ...] = ()
    kept_because: str = ""
    is_leftover: bool = False  # of a command that was killed: nobody will ever use it
    is_data: bool = False  # cannot be made again
    paths: tuple[Path, ...] = field(default=(), repr=False)  # of what is in the cache folder

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "airflow_version": self.release or None,
            "size_bytes": self.size_bytes,
            "last_used": self.last_used,
            "used_by": list(self.used_by),
            "kept_because": self.kept_because or None,
            "leftover": self.is_leftover,
            "data": self.is_data,
        }


@dataclass(frozen=True)
class Wanted:
    """What to remove: everything unused for that long; with `volumes`, also the data of projects that are gone."""

    age_s: float
    volumes: bool = False

    def why_kept(self, item: Item, now: float, since: float) -> str:
        """Return why the item stays, or "". `since` is when the recording of uses began."""
        if item.used_by:
            return f"used by {', '.join(item.used_by)}"
        if item.kept_because:
            return item.kept_because
        if item.is_data and not self.volumes:
            return "data of projects that are gone; remove with `--volumes`"
        # Of what is older than all notes nobody knows who uses it: it counts as used when they began.
        last_used = since if item.last_used is None else item.last_used
        if not item.is_leftover and now - last_used < self.age_s:
            return "used recently; remove with `--all`" if item.last_used is not None else "users not known yet"
        return ""
