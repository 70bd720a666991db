"""A requirements file as MWAA installs it: its text, the copy that can be installed here, pip."""
