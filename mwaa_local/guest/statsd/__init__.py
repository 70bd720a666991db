"""What Airflow sends by StatsD, summed up: a program of its own, which needs nothing but Python's standard library."""
