"""Files of the user's, read again after an import to say more of it than an exception does."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path


def tree_of(path: Path, python: tuple[int, int] | None = None) -> ast.Module | None:
    """Return what stands in a file; None for one that cannot be read, as in a zip, or is no Python.

    With a Python version, its grammar is asked for; raises SyntaxError for what is of a later one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as "\d", which are no mistake here
            return ast.parse(path.read_bytes(), feature_version=python)
    except SyntaxError:
        if python is not None:
            raise
    except (OSError, ValueError, RecursionError, MemoryError):  # also NUL bytes, brackets too deep
        pass
    return None
