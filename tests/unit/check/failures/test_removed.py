"""What DAGs of an earlier Airflow fail for where it says nothing else: an argument that is gone."""

from __future__ import annotations

import pytest

from mwaa_local.check.modules.airflow_removed import removed_hint
from mwaa_local.release import Release

SAID = "TypeError: DagBag.__init__() got an unexpected keyword argument '{}'"


@pytest.mark.parametrize(
    ("version", "said", "code", "hint"),
    [
        ("3.3.1", SAID.format("include_examples"), (), "leave out include_examples: the DagBag of Airflow 3.3"),
        ("3.2.1", SAID.format("include_examples"), (), ""),
        ("3.2.1", SAID.format("read_dags_from_db"), (), "leave out read_dags_from_db"),
        # Before Python 3.10 the words have no class.
        (
            "2.2.2",
            "TypeError: __init__() got an unexpected keyword argument 'executor'",
            ("DagBag(",),
            "leave out exec",
        ),
        ("2.2.2", "TypeError: __init__() got an unexpected keyword argument 'executor'", ("Other(",), ""),
        ("3.3.1", SAID.format("never_there"), (), ""),
    ],
)
def test_argument_of_dagbag_that_is_gone(version: str, said: str, code: tuple[str, ...], hint: str) -> None:
    found = removed_hint(said, code, Release.load(version))
    assert hint in found
    assert bool(found) is bool(hint)
