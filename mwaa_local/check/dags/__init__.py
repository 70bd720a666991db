"""Checks of the DAG files: what their syntax tells, and what importing them does."""
