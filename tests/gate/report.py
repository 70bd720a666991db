"""Print what a run of the tests spent its time on, out of the files that `--times` wrote.

What tests share, such as a running environment, counts for its fixture and not for the test that comes first.

python -m tests.gate.report FILE...           slowest tests, fixtures and parts; cases too slow for `make test`
python -m tests.gate.report --save FILE...    also write the seconds by which tests are shared out
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.conftest import REPOSITORY_DIR
from tests.gate.lanes import SECONDS_PATH
from tests.gate.times import FixtureTime, TestTime

SLOWEST = 20
# What takes longer belongs into the full tier; it is listed and fails nothing, since machines differ.
FULL_FROM_S = 60.0


def read(paths: Iterable[Path]) -> Iterator[TestTime | FixtureTime]:
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            plain = json.loads(line)
            yield TestTime(**plain) if "test" in plain else FixtureTime(**plain)


def report(rows: list[TestTime | FixtureTime]) -> Iterator[str]:
    tests = [row for row in rows if isinstance(row, TestTime)]
    fixtures = [row for row in rows if isinstance(row, FixtureTime)]
    full = {row.test for row in tests if row.full}
    seconds: dict[str, float] = defaultdict(float)
    parts: dict[str, float] = defaultdict(float)
    setups: dict[str, float] = defaultdict(float)
    for row in tests:
        seconds[row.test] += row.own_seconds
        parts[row.part] += row.seconds
    for fixture in fixtures:
        setups[f"{fixture.fixture} ({fixture.scope}, {fixture.file or 'all files'})"] += fixture.seconds
    for title, taken_by in (
        (f"slowest tests of {len(seconds)}, {sum(seconds.values()):.0f} s in all", seconds),
        ("slowest set-ups of fixtures, all their times together", setups),
        ("slowest parts, each of which stays in one process", parts),
    ):
        yield f"{title}:"
        yield from (f"{taken:8.1f} s  {name}" for name, taken in slowest_first(taken_by)[:SLOWEST])
    late = [(name, taken) for name, taken in slowest_first(seconds) if taken > FULL_FROM_S and name not in full]
    yield f"over {FULL_FROM_S:.0f} s without the marker `full`: {len(late) or 'none'}"
    yield from (f"{taken:8.1f} s  {name}" for name, taken in late)


def slowest_first(seconds: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])


def save(rows: list[TestTime | FixtureTime], path: Path = SECONDS_PATH) -> None:
    """Write the seconds of each part that was timed, those of the others as they were, but for files that are gone."""
    parts: dict[str, float] = defaultdict(float)
    for row in rows:
        if isinstance(row, TestTime):
            parts[row.part] += row.seconds
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    now = {**before, **{name: round(seconds, 1) for name, seconds in parts.items()}}
    now = {name: seconds for name, seconds in now.items() if (REPOSITORY_DIR / name.partition("[")[0]).is_file()}
    path.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gate.report", description="What the tests spent time on.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--save", action="store_true", help=f"write {SECONDS_PATH.name} anew")
    given = parser.parse_args()
    rows = list(read(given.files))
    print("\n".join(report(rows)))
    if given.save:
        save(rows)


if __name__ == "__main__":
    main()
