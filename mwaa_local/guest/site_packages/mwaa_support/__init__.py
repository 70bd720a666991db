"""What mwaa-local adds inside a release's own interpreter (Python 3.7 and later); the launcher never imports it."""
