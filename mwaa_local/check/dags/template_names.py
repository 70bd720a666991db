"""Names that a release gives to templates, those that Airflow 3 took away, and what to write instead. Pure.

Sources: what a task of each release found in its template context when it ran; the table of deprecated variables in
Airflow 2's templates reference.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from mwaa_local.release import Release

LIKE = 0.8  # how near a name has to be to one of Airflow's, as difflib counts
NEW_GENERATION = "3.x"
NEW_NAMES_SINCE = "2.2.0"  # `logical_date` and `data_interval_end`, and the filters `ds` and `ds_nodash`
_YESTERDAY, _TOMORROW = "macros.ds_add(ds, -1)", "macros.ds_add(ds, 1)"
_INTERVAL = "data_interval_end"
_NO_NAME = ""  # nothing has taken its place
REMOVED: Mapping[str, str] = {
    "conf": _NO_NAME,
    "execution_date": "logical_date",
    "expanded_ti_count": _NO_NAME,
    "next_ds": f"{_INTERVAL} | ds",
    "next_ds_nodash": f"{_INTERVAL} | ds_nodash",
    "next_execution_date": _INTERVAL,
    "prev_ds": _NO_NAME,  # the run before, whether it succeeded or not; Airflow names no successor
    "prev_ds_nodash": _NO_NAME,
    "prev_execution_date": _NO_NAME,
    "prev_execution_date_success": "prev_data_interval_start_success",
    "test_mode": _NO_NAME,
    "tomorrow_ds": _TOMORROW,
    "tomorrow_ds_nodash": f'{_TOMORROW}.replace("-", "")',
    "yesterday_ds": _YESTERDAY,
    "yesterday_ds_nodash": f'{_YESTERDAY}.replace("-", "")',
    "dag_run.execution_date": "logical_date",
    "task_instance.execution_date": "logical_date",
    "ti.execution_date": "logical_date",
}
ALL_RELEASES = frozenset(
    ("dag", "dag_run", "ds", "ds_nodash", "inlets", "macros", "outlets", "params", "prev_start_date_success", "run_id",
     "task", "task_instance", "task_instance_key_str", "ti", "ts", "ts_nodash", "ts_nodash_with_tz", "var")
)  # fmt: skip
BEFORE_3 = frozenset(
    ("conf", "execution_date", "next_ds", "next_ds_nodash", "next_execution_date", "prev_ds", "prev_ds_nodash",
     "prev_execution_date", "prev_execution_date_success", "test_mode", "tomorrow_ds", "tomorrow_ds_nodash",
     "yesterday_ds", "yesterday_ds_nodash")
)  # fmt: skip
# Name -> the first of MWAA's releases that has it, and the first that no longer has it.
FIRST, LAST = "1.10.12", "4"
BETWEEN: Mapping[str, tuple[str, str]] = {
    "END_DATE": (FIRST, "2.0.2"),
    "end_date": (FIRST, "2.0.2"),
    "latest_date": (FIRST, "2.0.2"),
    "tables": (FIRST, "2.0.2"),
    "conn": ("2.2.2", LAST),
    "data_interval_end": ("2.2.2", LAST),
    "data_interval_start": ("2.2.2", LAST),
    "logical_date": ("2.2.2", LAST),
    "prev_data_interval_end_success": ("2.2.2", LAST),
    "prev_data_interval_start_success": ("2.2.2", LAST),
    "triggering_dataset_events": ("2.4.3", "3.0.6"),
    "expanded_ti_count": ("2.5.1", "3.0.6"),
    "prev_end_date_success": ("2.8.1", LAST),
    "map_index_template": ("2.9.2", LAST),
    "inlet_events": ("2.10.1", LAST),
    "outlet_events": ("2.10.1", LAST),
    "task_reschedule_count": ("3.0.6", LAST),
    "triggering_asset_events": ("3.0.6", LAST),
    "partition_date": ("3.3.1", LAST),
    "partition_key": ("3.3.1", LAST),
    "task_state_store": ("3.3.1", LAST),
}
# What to write in a release that does not have the name yet, or no longer.
INSTEAD: Mapping[str, str] = {
    "END_DATE": "ds",
    "end_date": "ds",
    "latest_date": "ds",
    "tables": "params.tables",
    "data_interval_end": "next_execution_date",
    "data_interval_start": "execution_date",
    "logical_date": "execution_date",
    "prev_data_interval_start_success": "prev_execution_date_success",
    "triggering_asset_events": "triggering_dataset_events",
}
# Airflow gives them to code of tasks, and not to templates.
NOT_IN_TEMPLATES: Mapping[str, str] = {
    "exception": "read context['exception'] in a callback: only callbacks are given it",
    "reason": "read context['reason'] in a callback: only callbacks are given it",
    "templates_dict": "read templates_dict in the Python function, or write params.NAME in the template",
}
# Only Airflow 3 has the new name, so that nothing can be done before.
RENAMED_IN_3: Mapping[str, str] = {"triggering_dataset_events": "triggering_asset_events"}


def context(release: Release) -> list[str]:
    """Return the names that a template of the release has a value for when it is rendered."""
    old = () if release.generation == NEW_GENERATION else BEFORE_3
    return sorted({*ALL_RELEASES, *old, *(name for name in BETWEEN if _has(release, name))})


def _has(release: Release, name: str) -> bool:
    first, gone = BETWEEN[name]
    return release.is_at_least(first) and not release.is_at_least(gone)


def first_release(name: str, release: Release) -> str:
    """Return the first of MWAA's releases that gives the name to templates, if it is later than this one; else ""."""
    first = BETWEEN.get(name, (FIRST, LAST))[0]
    return "" if release.is_at_least(first) else first


def name_instead(name: str, release: Release) -> str:
    """Return the name by which this release has what another one calls so; "" for none."""
    other = INSTEAD.get(name, "")
    return other if other.partition(".")[0] in context(release) else ""


def near_name(name: str, release: Release) -> str:
    """Return the name that a misspelt one is probably to be, as this release has it; "" for none."""
    there = context(release)
    near = difflib.get_close_matches(name, {*there, *(old for old in REMOVED if "." not in old)}, 1, LIKE)
    if not near:
        return ""
    return near[0] if near[0] in there else new_name(near[0])


def watched(release: Release) -> list[str]:
    """Return the names of which the import tells even though the release may have them."""
    if release.generation == NEW_GENERATION:
        return sorted({*REMOVED, *RENAMED_IN_3})
    has = context(release)
    there = (name for name in REMOVED if "." in name or name in has)
    return sorted(there) if release.is_at_least(NEW_NAMES_SINCE) else []


def absent(release: Release) -> list[str]:
    """Return the names that other releases give to tasks and this one does not, with those of objects as dotted ones.

    None for Airflow 1.10, whose functions get the context only where they ask for it.
    """
    if not release.is_at_least("2.0.0"):
        return []
    is_new = release.generation == NEW_GENERATION
    names = {*REMOVED, *RENAMED_IN_3, *BETWEEN}
    return sorted(name for name in names - set(context(release)) if is_new or "." not in name)


def new_name(name: str) -> str:
    """Return what to write instead; "" where nothing has taken the name's place."""
    return REMOVED.get(name) or RENAMED_IN_3.get(name) or _NO_NAME
