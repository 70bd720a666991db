"""The requirements file with the constraints of another release in the place of those that it names. Pure."""

from __future__ import annotations

import re

from mwaa_local.release import Release

# Airflow's own constraints, by the address under which every release has them.
_OFFICIAL = re.compile(
    r"^(?P<before>\s*(?:-c|--constraint)[\s=].*/constraints-)(?P<airflow>\d[\w.]*)"
    r"(?P<kind>/constraints(?:-[a-z-]+)?-)(?P<python>\d+\.\d+)(?=\.txt)",
    re.MULTILINE,
)


def with_constraints_of(text: str, release: Release) -> str:
    """Return the text with official constraints of other releases replaced by those of this one."""
    return _OFFICIAL.sub(lambda m: f"{m['before']}{release.airflow_version}{m['kind']}{release.python_version}", text)
