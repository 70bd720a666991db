"""Make what a private MWAA environment needs: one plugins.zip with all wheels, and a requirements file that uses it."""
