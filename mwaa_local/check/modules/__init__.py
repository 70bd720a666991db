"""Modules that an import does not find: where they are instead, and what brings them. For DAG files and plugins."""
