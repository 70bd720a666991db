"""Checks of a requirements file: the file read, resolved, explained, and installed for a trial."""
