"""Checks of the DAG files: their source, and what importing them does."""
