"""What runs beside Airflow, one file each."""
