"""`python -m mwaa_local` is the command `mwaa-local`."""

from mwaa_local.cli import main

if __name__ == "__main__":
    main()
