"""A dump brought into a project's metadata database, and what a killed command left of that."""
