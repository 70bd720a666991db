"""What an environment did in the last hour: tasks, processor, memory, as drawings that are part of the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mwaa_local.api.environments.served import Served
from mwaa_local.api.page.document import part
from mwaa_local.api.page.html import Markup, element
from mwaa_local.metrics.figures import Figures, read_figures
from mwaa_local.metrics.minutes import MINUTE_S, minute_of
from mwaa_local.metrics.now import size
from mwaa_local.services.metrics import metrics_dir

MINUTES = 60
# Of one drawing, in its own units; the page makes it as wide as there is room.
WIDTH, HEIGHT, BELOW, ABOVE = 360.0, 110.0, 18.0, 14.0
DIGITS = 1
STYLES = ("first", "second")  # of lines, which differ not by their colour alone
NOTHING = "Nothing was measured in the last hour: the environment did not run."


@dataclass(frozen=True)
class Line:
    """One line of a drawing: its name, and its value in each minute that was measured."""

    name: str
    values: Mapping[int, float]


def metrics_part(served: Served, now: float | None = None) -> Markup:
    """Return the section with the last hour."""
    last = minute_of(time.time() if now is None else now)
    first = last - MINUTES * MINUTE_S
    found = read_figures(metrics_dir(served.project), first, last)
    if not found:
        return part("metrics", "The last hour", element("p", NOTHING))
    tasks = {minute: each.tasks for minute, each in found.items() if each.tasks is not None}
    running = Line("running", {minute: counts.running for minute, counts in tasks.items()})
    queued = Line("queued", {minute: counts.queued for minute, counts in tasks.items()})
    drawings = (
        _drawing("Tasks", [running, queued], (first, last), lambda value: f"{value:.0f}"),
        _drawing("CPU, of one core", [Line("used", _sums(found, _cpu))], (first, last), lambda value: f"{value:.0f} %"),
        _drawing("Memory", [Line("used", _sums(found, _memory))], (first, last), lambda value: size(int(value))),
    )
    return part("metrics", "The last hour", element("div", *drawings, class_="plots"))


def _sums(found: Mapping[int, Figures], of: Callable[[Figures], Sequence[float]]) -> dict[int, float]:
    return {minute: sum(of(each)) for minute, each in found.items() if each.components}


def _cpu(figures: Figures) -> list[float]:
    return [each.cpu_percent for each in figures.components.values()]


def _memory(figures: Figures) -> list[float]:
    return [each.memory_bytes for each in figures.components.values()]


def _drawing(title: str, lines: Sequence[Line], span: tuple[int, int], shown: Callable[[float], str]) -> Markup:
    """Return a drawing with its values in words: the newest of each line, and the greatest of all."""
    values = [value for line in lines for value in line.values.values()]
    if not values:
        return element("figure", element("figcaption", f"{title}: not measured"))
    most = max(values)
    newest = [f"{line.name} {shown(line.values[max(line.values)])}" for line in lines if line.values]
    caption = f"{title}: {', '.join(newest)} now, at most {shown(most)}"
    paths = [
        element("path", d=_path(line.values, span, most or 1.0), class_=f"line {style}")
        for line, style in zip(lines, STYLES, strict=False)
    ]
    keys = [
        element("span", element("span", class_=f"key {style}"), f" {line.name}", class_="soft named")
        for line, style in zip(lines, STYLES, strict=False)
    ]
    drawing = element(
        "svg",
        element("line", x1="0", y1=_number(HEIGHT - BELOW), x2=_number(WIDTH), y2=_number(HEIGHT - BELOW)),
        *paths,
        element("text", shown(most), x="0", y="10"),
        element("text", "60 min ago", x="0", y=_number(HEIGHT - 4)),
        element("text", "now", x=_number(WIDTH), y=_number(HEIGHT - 4), text_anchor="end"),
        viewBox=f"0 0 {_number(WIDTH)} {_number(HEIGHT)}",
        role="img",
        aria_label=caption,
    )
    return element("figure", element("figcaption", caption), drawing, *(keys if len(lines) > 1 else ()))


def _path(values: Mapping[int, float], span: tuple[int, int], most: float) -> str:
    """Return the way of a line; a minute that was not measured is a gap in it."""
    first, last = span
    words, before = [], None
    for minute, value in sorted(values.items()):
        x = (minute - first) / (last - first) * WIDTH
        y = HEIGHT - BELOW - value / most * (HEIGHT - BELOW - ABOVE)
        is_gap = before is None or minute - before > MINUTE_S
        # A point alone, too, is to be seen: it goes to itself.
        words.append(f"M{_number(x)} {_number(y)}h.01" if is_gap else f"L{_number(x)} {_number(y)}")
        before = minute
    return "".join(words)


def _number(value: float) -> str:
    return f"{round(value, DIGITS):g}"
