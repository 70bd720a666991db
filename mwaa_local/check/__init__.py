"""Checks of what is uploaded to MWAA, before it is: requirements, plugins, the startup script."""
