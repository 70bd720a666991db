"""A smoke run: bring the environment up, import all DAGs, run some of them, say what happened. Made for CI.

`run` does it in phases, `result` holds what came out, `report` and `report_ci` show it. What prepares and starts an
environment is handed in: commands know how, this package does not.
"""
