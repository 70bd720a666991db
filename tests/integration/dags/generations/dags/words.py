"""Names that releases have under different names. Defines no DAG."""

import airflow

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash_operator import BashOperator

IS_1 = airflow.__version__.startswith("1.")
MANUALLY = {"schedule_interval" if airflow.__version__.startswith(("1.", "2.2.")) else "schedule": None}

__all__ = ["IS_1", "MANUALLY", "BashOperator"]
