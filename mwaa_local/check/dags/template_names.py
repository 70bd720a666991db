"""Names that Airflow 3 no longer gives to templates, and what to write instead. Pure.

Sources: airflow.utils.context of 2.10.3 and 2.11.0 beside airflow.sdk.execution_time.task_runner of 3.0.6 to 3.3.1;
the table of deprecated variables in Airflow 2's templates reference.
"""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.release import Release

NEW_GENERATION = "3.x"
NEW_NAMES_SINCE = "2.2.0"  # `logical_date` and `data_interval_end`, and the filters `ds` and `ds_nodash`
_YESTERDAY, _TOMORROW = "macros.ds_add(ds, -1)", "macros.ds_add(ds, 1)"
_INTERVAL = "data_interval_end"
_NO_NAME = ""  # nothing has taken its place
REMOVED: Mapping[str, str] = {
    "conf": _NO_NAME,
    "execution_date": "logical_date",
    "next_ds": f"{_INTERVAL} | ds",
    "next_ds_nodash": f"{_INTERVAL} | ds_nodash",
    "next_execution_date": _INTERVAL,
    "prev_ds": _NO_NAME,  # the run before, whether it succeeded or not; Airflow names no successor
    "prev_ds_nodash": _NO_NAME,
    "prev_execution_date": _NO_NAME,
    "prev_execution_date_success": "prev_data_interval_start_success",
    "tomorrow_ds": _TOMORROW,
    "tomorrow_ds_nodash": f'{_TOMORROW}.replace("-", "")',
    "yesterday_ds": _YESTERDAY,
    "yesterday_ds_nodash": f'{_YESTERDAY}.replace("-", "")',
    "dag_run.execution_date": "logical_date",
    "task_instance.execution_date": "logical_date",
    "ti.execution_date": "logical_date",
}
# Only Airflow 3 has the new name, so that nothing can be done before.
RENAMED_IN_3: Mapping[str, str] = {"triggering_dataset_events": "triggering_asset_events"}


def watched(release: Release) -> list[str]:
    """Return the names of which the import tells even though the release may have them."""
    if release.generation == NEW_GENERATION:
        return sorted({*REMOVED, *RENAMED_IN_3})
    return sorted(REMOVED) if release.is_at_least(NEW_NAMES_SINCE) else []


def new_name(name: str) -> str:
    """Return what to write instead; "" where nothing has taken the name's place."""
    return REMOVED.get(name) or RENAMED_IN_3.get(name) or _NO_NAME
