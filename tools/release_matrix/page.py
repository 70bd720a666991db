"""The page `docs/releases.md`, written from the cells that were run and from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mwaa_local.release import Release
from tools.release_matrix.cells import (
    CLEAN,
    COLUMNS,
    DAG,
    DATA_NAME,
    DOCS_DIR,
    EXACT,
    HEALTHY,
    INSTALLS,
    NOT_REACHED,
    RUNTIMES,
    YES,
    Cell,
    Key,
    in_order,
    read_cells,
)

PAGE_NAME = "releases.md"
SHOWN_RUNTIME = {"process": "processes", "docker": "Docker"}
SHOWN_COLUMN = {
    INSTALLS: "installs",
    EXACT: "exact",
    HEALTHY: "healthy",
    DAG: "DAG green",
    CLEAN: "leaves nothing",
}
SECONDS = {"install": "packages", "first_up": "first `up`", "warm_up": "`up` again", "dag": "DAG run", "down": "`down`"}
MEGABYTES = {"memory": "memory", "disk": "on disk"}
ABOVE = """\
# Releases

Every Airflow version that MWAA has or had, tried with `mwaa-local` in both runtimes. `make test-releases` writes this
page ([how](../CONTRIBUTING.md#all-releases)); each line names the commit of mwaa-local and the day of the trial.

| column | it is green if |
| --- | --- |
| installs | `up` makes the release's packages from downloads; in Docker, the image is built without layers of before |
| exact | Python and packages are those of MWAA's image, in its versions, and nothing else, but for \
[what is replaced or left out](differences.md#replaced-and-left-out-packages) |
| healthy | all components are ready, the web server takes the login that `up` shows, and shows the DAG |
| DAG green | a DAG run succeeds through a Celery worker, and its task's log can be read |
| leaves nothing | no process, container or network is left after `down`; no volume after `down --volumes` |

Seconds and MB are what this machine took, beside whatever else it did: compare them with the load at the beginning, in
the last column. `first up` begins with an empty cache folder, and with downloads that are there; `packages` is the part
of it that installs them or builds the image. `up again` follows a `down`. A DAG run is measured from the command to its
end. Memory is that of all components, after the DAG run.
"""


def render(cells: Mapping[Key, Cell]) -> str:
    """Return the page's text."""
    releases = [*reversed(Release.all())]
    tried = in_order(cells.values())
    lines = [ABOVE, *_results(cells, releases), "", *_red(tried), *_notes(tried)]
    return "\n".join(lines) + "\n"


def write_page(cells: Mapping[Key, Cell], path: Path) -> None:
    path.write_text(render(cells), encoding="utf-8")


def _results(cells: Mapping[Key, Cell], releases: Sequence[Release]) -> list[str]:
    heads = ["Airflow", "Python", "runtime", *SHOWN_COLUMN.values(), *SECONDS.values(), *MEGABYTES.values(), "tried"]
    count = f"{sum(cell.is_green for cell in cells.values())} of {len(RUNTIMES) * len(releases)} are green."
    lines = ["## Results", "", count, "", _row(heads), _row(["---"] * len(heads))]
    for release in releases:
        first = [release.airflow_version, release.python_version]
        for runtime in RUNTIMES:
            cell = cells.get((release.airflow_version, runtime))
            rest = _cell(cell) if cell else [*["-"] * (len(heads) - 4), "not yet"]
            lines.append(_row([*first, SHOWN_RUNTIME[runtime], *rest]))
    return lines


def _cell(cell: Cell) -> list[str]:
    columns = [_shown(cell.columns.get(column, NOT_REACHED)) for column in COLUMNS]
    seconds = [f"{cell.seconds[name]:.1f} s" if name in cell.seconds else "-" for name in SECONDS]
    sizes = [f"{cell.megabytes[name]:.0f} MB" if name in cell.megabytes else "-" for name in MEGABYTES]
    changed = " with changes" if cell.tree.changes else ""
    tried = f"`{cell.tree.commit}`{changed}, {cell.date}, load {cell.load:g} on {cell.cores} cores"
    return [*columns, *seconds, *sizes, tried]


def _shown(value: str) -> str:
    return value if value in (YES, NOT_REACHED) else f"**{value}**"


def _red(cells: Iterable[Cell]) -> list[str]:
    lines = []
    for cell in cells:
        for failure in cell.failures:
            what = f"Airflow {cell.release}, {SHOWN_RUNTIME[cell.runtime]}, {SHOWN_COLUMN[failure.column]}"
            hint = f" Hint: {failure.hint}" if failure.hint else ""
            lines.append(f"- {what}: {failure.what}.{hint}")
    return ["## What is red", "", *(lines or ["Nothing that was tried."])]


def _notes(cells: Sequence[Cell]) -> list[str]:
    """Return a section of what there is to know of some of the cells, or nothing."""
    of_note: dict[str, list[str]] = {}
    for cell in cells:
        for note in cell.notes:
            of_note.setdefault(note, []).append(f"{cell.release} ({SHOWN_RUNTIME[cell.runtime]})")
    lines = [f"- {note}: {', '.join(named)}" for note, named in of_note.items()]
    return ["", "## Notes", "", *lines] if lines else []


def _row(values: Iterable[str]) -> str:
    return f"| {' | '.join(values)} |"


if __name__ == "__main__":
    write_page(read_cells(DOCS_DIR / DATA_NAME), DOCS_DIR / PAGE_NAME)
