"""Hand lanes out to pytest-xdist's processes, whole and in their order.

xdist's own `loadgroup` puts the group's name into a test's id, which pytest has not allowed since 9.2. So each process
writes down which test is in which lane, and the scheduler, which does not collect tests, reads it there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

LANES_PATH_KEY = "mwaa_local_lanes_path"
FULL_TIER = pytest.StashKey[dict[str, int]]()  # how many tests of each file are of the full tier


class LaneScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """xdist's scheduling of scopes, with lanes as the scopes."""

    def __init__(self, config: pytest.Config, log: object, lanes_path: Path) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would put the lane with the most tests first
        self._lanes_path = lanes_path
        self._lanes: Mapping[str, str] = {}

    def schedule(self) -> None:
        if not self._lanes:
            plain = json.loads(self._lanes_path.read_text(encoding="utf-8"))
            self._lanes = plain["lanes"]
            self.config.stash[FULL_TIER] = plain["full"]
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._lanes[nodeid]


def tell_where_to_write(node: WorkerController, lanes_path: Path) -> None:
    node.workerinput[LANES_PATH_KEY] = str(lanes_path)


def write_lanes(config: pytest.Config, lane_of_test: Mapping[str, str]) -> None:
    """Write {test: lane} down if this is one of xdist's processes; all of them write the same."""
    workerinput = getattr(config, "workerinput", None)
    if workerinput is None:
        return
    text = json.dumps({"lanes": lane_of_test, "full": config.stash.get(FULL_TIER, {})})
    with Path(workerinput[LANES_PATH_KEY]).open("r+", encoding="utf-8") as file:  # over the same text, never emptied
        file.write(text)
