"""Take samples of single rows, keep what was found, and say it on the way."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mwaa_local.errors import MwaaLocalError
from tools.bench.commands import BenchError
from tools.bench.rows import ROWS, Measurement, Results, figure, rows_of

SAMPLES = 3
UNITS = {row.name: row.unit for row in ROWS}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Figures:
    """What was found so far. A row that fails is kept as such and does not end the others."""

    wanted: frozenset[str]
    quick: bool
    results: Results = field(default_factory=dict)

    @property
    def samples(self) -> int:
        return 1 if self.quick else SAMPLES

    def wants(self, row: str, side: str) -> bool:
        return row in rows_of(side, self.wanted)

    def repeat(self, row: str, side: str, take: Callable[[int], float], *, once: bool = False) -> None:
        """Measure a short row, if it is wanted of that side, as often as usual; `take` gets the sample's number."""
        if self.wants(row, side):
            with self.row(row, side):
                self.add(row, side, [take(number) for number in range(1 if once else self.samples)])

    def add(self, row: str, side: str, samples: Sequence[float], note: str = "") -> None:
        self.results[row, side] = measurement = Measurement(tuple(samples), note)
        say(f"{row:<19} {side:<10} {figure(measurement.value, UNITS[row]):>9}")

    def fail(self, row: str, side: str, error: Exception) -> None:
        self.results[row, side] = Measurement(failure=str(error))
        say(f"{row:<19} {side:<10}    failed: {error}")

    def fail_rest(self, rows: Iterable[str], side: str, error: Exception) -> None:
        """Let those of the rows fail that have no figure yet."""
        for row in sorted(rows):
            if (row, side) not in self.results:
                self.fail(row, side, error)

    @contextlib.contextmanager
    def row(self, row: str, side: str) -> Iterator[None]:
        """Let one row fail without ending the others."""
        try:
            yield
        except (BenchError, MwaaLocalError) as error:
            self.fail(row, side, error)
