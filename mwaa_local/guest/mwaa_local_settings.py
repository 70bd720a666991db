"""What MWAA has as `config/airflow_local_settings.py` in the Airflow home, without its log-in to the database.

Airflow finds this file before the user's, and runs the user's as modules apart: whatever they define stays in them, so
that cluster policies do not reach Airflow. Copied into an Airflow home under that name; runs on Python 3.7 too.

Source: aws/amazon-mwaa-docker-images, `images/airflow/3.3.1/python/mwaa/…/airflow_local_settings.py`.
"""

import importlib.util
import os
from pathlib import Path

__all__ = ()  # what Airflow takes over

for _folder in ("dags", "plugins"):
    _path = Path(os.environ.get("AIRFLOW_HOME", "/usr/local/airflow"), _folder, "airflow_local_settings.py")
    if _path.is_file():
        _spec = importlib.util.spec_from_file_location(f"airflow_local_settings_of_{_folder}", str(_path))
        if _spec is not None and _spec.loader is not None:
            _spec.loader.exec_module(importlib.util.module_from_spec(_spec))
