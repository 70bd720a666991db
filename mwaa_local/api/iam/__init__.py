"""Who calls, and what their policies let them be in Airflow."""
