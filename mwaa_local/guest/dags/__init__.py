"""Imports DAG files inside a release's interpreter. `probe` is what is run; the others are its parts."""
