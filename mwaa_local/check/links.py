"""Findings on symbolic links through which Airflow reaches a folder more than once."""

from __future__ import annotations

from pathlib import Path

from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.guest.dags.import_links import LOOP, NOWHERE, TWICE, repeating_links

REPEATING = "repeating-link"
RULES = {
    REPEATING: "a symbolic link leads to nothing, to itself, to a folder around it, or to one that is also elsewhere"
}
REFUSED = (
    "Airflow follows links and refuses to read a folder in which one leads back: it finds nothing in it, "
    "and the dag-processor of Airflow 3 ends each time it starts."
)
TAKEN_TWICE = (
    "Airflow follows links; newer releases refuse a folder that they come to twice, older ones read its files twice. "
    "In S3 there are no links, only two copies."
)
NOTHING_BEHIND = "Its target does not exist: Airflow skips it, and nothing can be uploaded."


def link_finding(path: str, kind: str) -> Finding:
    """Return what is wrong with a link of that kind (`import_links`)."""
    what, why = {
        LOOP: ("this link leads back to a folder that contains it", REFUSED),
        NOWHERE: ("this link leads to nothing", NOTHING_BEHIND),
        TWICE: ("this link leads to a folder that is also found elsewhere", TAKEN_TWICE),
    }.get(kind, ("this link leads to itself", NOTHING_BEHIND))
    hint = "remove the link, or replace it with the file or folder itself"
    return Finding(REPEATING, ERROR if kind == LOOP else WARNING, path, 0, what, why, hint)


def findings_in(folder: Path, root_dir: Path) -> tuple[Finding, ...]:
    """Return what is wrong with links below a folder; paths are given below `root_dir`."""
    found = repeating_links(str(folder)) if folder.is_dir() else {}
    return tuple(link_finding(Path(path).relative_to(root_dir).as_posix(), kind) for path, kind in found.items())
