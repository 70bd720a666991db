"""What a later Airflow no longer takes, and says nothing else of: what to write. Data, and pure.

Source: the packages of MWAA's releases, compared by program; each `since` is the first of them without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mwaa_local.release import Release

# Arguments of DagBag: since which release they are gone, and why they can be.
OF_DAGBAG: Mapping[str, tuple[str, str]] = {
    "executor": ("2.0", "the DagBag of Airflow 2 and later needs none"),
    "include_examples": ("3.3", "the DagBag of Airflow 3.3 and later never reads Airflow's examples"),
    "include_smart_sensor": ("2.4", "Airflow 2.4 and later has no smart sensors"),
    "read_dags_from_db": ("3.2", "a DagBag of Airflow 3.2 and later reads files alone"),
    "store_serialized_dags": ("3.0", "a DagBag of Airflow 3 reads files, unless read_dags_from_db says otherwise"),
}

_NO_ARGUMENT = re.compile(r"TypeError: (?:(?:\w+\.)?__init__\(\) )?got an unexpected keyword argument '(\w+)'")
_IS_DAGBAG = re.compile(r"\bDagBag\s*\(")


def removed_hint(said: str, code: tuple[str, ...], release: Release) -> str:
    """Return what to write instead of what the release no longer takes; "" where unknown.

    `said` has an exception's words and `code` the lines of source in its traceback.
    """
    found = _NO_ARGUMENT.search(said)
    if not found or not (said.startswith("TypeError: DagBag.") or any(_IS_DAGBAG.search(line) for line in code)):
        return ""
    since, why = OF_DAGBAG.get(found[1], ("", ""))
    return f"leave out {found[1]}: {why}" if since and release.is_at_least(since) else ""
