"""Programs for working on `mwaa-local` itself; none of them is installed with it."""
