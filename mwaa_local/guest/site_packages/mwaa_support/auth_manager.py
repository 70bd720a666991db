"""Airflow 3's own auth manager for development, which makes everyone an admin, but only by this environment's names.

Airflow has no setting for the names that its API server answers to. What makes a request an admin's is one middleware
around all of the server's routes; here the check of names (`known_names`) stands around that one.
"""

import os

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

from mwaa_support.known_names import KnownNames

NAMES_VARIABLE = "MWAA_LOCAL_WEBSERVER_NAMES"


class LocalAuthManager(SimpleAuthManager):
    """The auth manager in whose API server a request to an unknown name does not come as far as being an admin's."""

    def get_fastapi_app(self):
        # Airflow asks for this where it makes the API server, before it looks up the middleware, and nowhere else.
        guard_all_admins()
        return super().get_fastapi_app()


def guard_all_admins():
    """Let Airflow's middleware that makes every request an admin's see only requests to known names."""
    from airflow.api_fastapi.auth.managers.simple import middleware
    from airflow.configuration import conf

    every_admin = middleware.SimpleAllAdminMiddleware
    if issubclass(every_admin, KnownNames):
        return
    names = list(filter(None, os.environ.get(NAMES_VARIABLE, "").split(",")))
    origins = list(filter(None, conf.getlist("api", "access_control_allow_origins", fallback=None) or []))

    class AdminsByKnownNames(KnownNames):
        def __init__(self, app):
            super().__init__(every_admin(app), names, origins)

    middleware.SimpleAllAdminMiddleware = AdminsByKnownNames
