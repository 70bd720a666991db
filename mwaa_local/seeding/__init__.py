"""Readers of what an environment is seeded from: `airflow_settings.yaml` and `tests/aws/`."""
