"""The front door: what browsers, curl and MWAA's own clients talk to, in front of Airflow's web server.

A program of its own, run as a folder by an interpreter that has aiohttp, in a container too: nothing here imports more
of `mwaa_local` than what lies in this folder.
"""
