"""Where MWAA's web server signs people in, and in which cookies it keeps that: known to the door and to who asks it.

Standard library only: the control plane reads it, too.
"""

from __future__ import annotations

# MWAA user guide, "Create a web login token" and "Use the Apache Airflow REST API".
PLUGINS = "/pluginsv2"  # below which Airflow 3 has what MWAA adds to the web server
PAGE = "/aws_mwaa/aws-console-sso"
POST = "/aws_mwaa/login"
SESSION, TOKEN = "session", "_token"


def is_airflow_3(generation: str) -> bool:
    """Say whether a release's generation, such as `2.x`, signs in as Airflow 3 does."""
    return generation == "3.x"


def post_path(generation: str) -> str:
    """Return where a web login token is posted."""
    return PLUGINS + POST if is_airflow_3(generation) else POST


def api_cookie(generation: str) -> str:
    """Return the cookie by which the REST API knows who has signed in."""
    return TOKEN if is_airflow_3(generation) else SESSION
