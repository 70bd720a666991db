"""Which Airflow brought a revision of the metadata database: what tells of which version a database is.

Out of Airflow's own migration scripts, of releases and of what lies between two: `tools/build_known_revisions.py`.
"""

from __future__ import annotations

import functools
import tomllib

from mwaa_local.release import CATALOGUE_DIR

REVISIONS_PATH = CATALOGUE_DIR / "revisions.toml"


def airflow_of(revision: str) -> str | None:
    """Return the Airflow version that brought this revision; None for one that no migration of ours knows.

    The database may be of that version, or of a newer one up to the next that changed the schema.
    """
    return _known().get(revision)


@functools.cache
def _known() -> dict[str, str]:
    return tomllib.loads(REVISIONS_PATH.read_text(encoding="utf-8"))
