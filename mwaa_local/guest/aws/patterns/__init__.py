"""CloudWatch's filter patterns, for the local AWS and the launcher alike. Imports the standard library alone."""
