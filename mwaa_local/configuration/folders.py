"""Options of Airflow's folders, which follow AIRFLOW_HOME by themselves. Pure.

MWAA sets no variable for them: a DAG that reads one fails there, and must fail here. They are forced only if the user
sets one: another folder would not be the project's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mwaa_local.configuration.spellings import OLDER_SPELLINGS

# Airflow's default of each is that folder below AIRFLOW_HOME, in all releases (airflow/config_templates).
FOLDER_OPTIONS = frozenset(
    {"core.base_log_folder", "core.dags_folder", "core.plugins_folder", "logging.base_log_folder"}
)


def needed_folders(options: Mapping[str, str], is_set_by_user: Callable[[str], bool]) -> dict[str, str]:
    """Return the options without those of folders that nobody has set otherwise, under any spelling."""
    return {
        option: value
        for option, value in options.items()
        if option not in FOLDER_OPTIONS or any(map(is_set_by_user, (option, *OLDER_SPELLINGS.get(option, ()))))
    }
