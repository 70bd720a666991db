"""The console page: what the API knows of its environments, for people, as plain HTML."""
