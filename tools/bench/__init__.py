"""Measure speed and memory of `mwaa-local`: `python -m tools.bench`."""
