"""Checks of plugins, as a zip or a folder: what is in them, and whether Airflow loads them."""
