"""Metrics of an environment: what Airflow sends and what its components use, read back, named as on MWAA, put."""
