"""Beside tasks that go to a real AWS: notes what they call, and hands them credentials that renew themselves.

A program of its own: `python -I FOLDER CONFIGURATION`. Of other packages it needs botocore, and that alone where it
hands out credentials.
"""
