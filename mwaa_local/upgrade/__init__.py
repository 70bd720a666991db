"""Moving an environment to another Airflow version: which moves MWAA takes, and what a move would bring."""
