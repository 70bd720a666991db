"""What components wrote last. Only the ends of files are read: a big log costs no more than a small one."""

from __future__ import annotations

import contextlib
import heapq
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mwaa_local.api.environments.served import Served
from mwaa_local.api.page.document import part
from mwaa_local.api.page.html import Markup, element, joined
from mwaa_local.errors import MwaaLocalError
from mwaa_local.event import LogLine
from mwaa_local.masking import Mask
from mwaa_local.runtime import logfile
from mwaa_local.runtime.choice import existing_runtime

LOG = "log"  # in the query: the component
ALL_LINES = 40  # of all components together
LINES = 200  # of one that was chosen
MAX_CHARACTERS = 2000  # of one line; whoever wants more has `mwaa-local logs`


def logs_part(served: Served, chosen: str, links: Mapping[str, str], mask: Mask, env: Mapping[str, str]) -> Markup:
    """Return the newest lines of a component, of all where it is "". `links` leads to those that may be chosen."""
    paths = {chosen: served.project.logs_dir / f"{chosen}.log"} if chosen else log_paths(served.project.logs_dir)
    lines = newest_lines(served, paths, env, LINES if chosen else ALL_LINES)
    named = element("nav", element("ul", *(_link(name, url, chosen) for name, url in links.items())), aria_label="Logs")
    shown = [_line(line, mask, with_name=not chosen) for line in lines]
    told = f"The last {len(lines)} lines" + (f" of {chosen}" if chosen else " of all components")
    log = element("div", *shown, class_="log", tabindex="0", role="region", aria_label=told) if shown else None
    none = None if shown else element("p", "Nothing was written.")
    return part("logs", "Log lines", named, log, none, element("p", f"{told}. More: mwaa-local logs", class_="soft"))


def log_paths(logs_dir: Path) -> dict[str, Path]:
    """Return {component: its log} of all that have one."""
    return logfile.chosen(logs_dir, [])


def newest_lines(served: Served, paths: Mapping[str, Path], env: Mapping[str, str], count: int) -> list[LogLine]:
    """Return the newest lines of these files together, by time."""
    _bring(served, list(paths), env)
    ends = (logfile.last_lines(name, path, count) for name, path in paths.items())
    return list(deque(heapq.merge(*ends, key=lambda line: line.time), maxlen=count))


def _bring(served: Served, names: list[str], env: Mapping[str, str]) -> None:
    """Have what containers wrote in their files, where components are containers."""
    if not served.look.is_running:
        return
    with contextlib.suppress(MwaaLocalError):  # then the files have what was written before
        deque(existing_runtime(served.project, env).logs(names, follow=False, from_end=True), maxlen=0)


def _link(name: str, url: str, chosen: str) -> Markup:
    return element("li", element("a", name or "all", href=url, aria_current="true" if name == chosen else False))


def _line(line: LogLine, mask: Mask, *, with_name: bool) -> Markup:
    text = mask.text(line.text)
    if len(text) > MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]} … {len(text) - MAX_CHARACTERS} characters more"
    local = datetime.fromtimestamp(line.time).astimezone()
    time = element("time", local.strftime("%H:%M:%S"), datetime=local.isoformat(timespec="milliseconds"))
    name = element("b", line.component) if with_name else None
    return element("p", joined([time, name, text], " "))
