"""Which releases' migrations bring a database to the schema of another release, as MWAA goes."""

from __future__ import annotations

from packaging.version import Version

from mwaa_local.database.known_revisions import airflow_of
from mwaa_local.errors import DumpRefused
from mwaa_local.release import Release


def way_between(source: Release, target: Release) -> tuple[Release, ...]:
    """Return the releases whose migrations lead from one schema to another, none where they have the same.

    As MWAA goes: to the next major version only through the newest release that leads there. Raises DumpRefused where
    no way leads, which is back, and out of Airflow 1.
    """
    if source.database_revision == target.database_revision:
        return ()
    versions = f"a database of Airflow {source.airflow_version} cannot come into Airflow {target.airflow_version}"
    if source.is_newer_than(target):
        raise DumpRefused(
            versions,
            "It has a newer schema, and what Airflow migrates forward it does not read backward.",
            f"set AirflowVersion: {source.airflow_version} in mwaa.yaml, restore, and go back by "
            f"`mwaa-local upgrade --to {target.airflow_version}`",
        )
    if source.major == target.major:
        return (target,)
    return _over_the_border(source.airflow_version, source.major, target)


def way_of_revision(revision: str, target: Release) -> tuple[str, tuple[Release, ...]]:
    """Return the Airflow version that brought a revision, and the releases whose migrations lead from there.

    Raises DumpRefused where no way leads there, and for a revision that no migration knows.
    """
    version = airflow_of(revision)
    if version is None:
        raise DumpRefused(
            f"the dump is of no Airflow that can be told: its revision is {revision or 'none'}",
            "No migration script of Airflow 2.11.2 or 3.3.1 has that revision.",
            "bring that Airflow to a released version, run `airflow db migrate` there, and dump again",
        )
    if revision == target.database_revision:
        return version, ()
    if not target.is_at_least(version):
        raise DumpRefused(
            f"a database of Airflow {version} or newer cannot come into Airflow {target.airflow_version}",
            "It has a newer schema, and what Airflow migrates forward it does not read backward.",
            "set AirflowVersion in mwaa.yaml to that version or a newer one; `mwaa-local releases` lists them",
        )
    major = Version(version).major
    return version, (target,) if major == target.major else _over_the_border(version, major, target)


def _over_the_border(version: str, major: int, target: Release) -> tuple[Release, ...]:
    through = target.previous_major_through
    between = [release for release in Release.all() if through and release.is_of(through)]
    if not between or between[-1].major != major:
        raise DumpRefused(
            f"a database of Airflow {version} cannot come into Airflow {target.airflow_version}",
            f"MWAA has no way from Airflow {major} to Airflow {target.major}, nor has mwaa-local.",
            "read connections and variables out of it with Airflow's own commands, and start with a new database",
        )
    return (target,) if between[-1].airflow_version == version else (between[-1], target)
