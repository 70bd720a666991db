"""The web server's own settings (`webserver_config.py`), in the place of MWAA's, which customers cannot change either.

As Airflow's default, except that sign-ins are not counted: behind the front door all come from one address.
"""

from flask_appbuilder.const import AUTH_DB

AUTH_TYPE = AUTH_DB
AUTH_RATE_LIMITED = False
WTF_CSRF_ENABLED = True
WTF_CSRF_TIME_LIMIT = None
