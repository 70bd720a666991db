"""What an environment is seeded from, read: `airflow_settings.yaml` and `tests/aws/`."""
