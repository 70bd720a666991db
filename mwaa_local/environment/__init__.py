"""The environment that a user describes: MWAA's members, the file that holds them, MWAA's rules on them."""
