"""What the parts of a project's check say beside their findings."""

from __future__ import annotations

import pytest

from mwaa_local.check.project import has_dags_from_elsewhere
from mwaa_local.release import Release


@pytest.mark.parametrize(
    ("option", "is_so"),
    [
        ("core.load_examples", False),  # MWAA forces it
        ("Core.Load_Examples", False),
        ("dag_processor.dag_bundle_config_list", True),
        ("core.parallelism", False),
    ],
)
def test_dags_come_from_elsewhere_only_by_options_that_count(option: str, is_so: bool) -> None:
    assert has_dags_from_elsewhere([option], Release.load("3.3.1")) == is_so
