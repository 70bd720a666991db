"""The local AWS: one endpoint for all services, a dispatcher with moto behind it in the same process.

A program of its own, for an interpreter that has moto and nothing else of ours: `python -I FOLDER CONFIGURATION`.
"""
