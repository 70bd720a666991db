"""Programs that other interpreters run, Python 3.7 and later, with the standard library and what is installed there.

The launcher opens these files by path and does not import them.
"""
