"""What packages of the image need, where uv cannot find out and would therefore pass them over. Pure."""

from __future__ import annotations

import json

from mwaa_local.release import Release


def known_metadata(release: Release) -> str:
    """Return uv's settings on packages of the image whose own metadata it cannot get, and so would pass over.

    Airflow's where they are broken, and those of packages that have no wheel and cannot be built here. What these need
    the image has.
    """
    packages = release.packages
    known: dict[str, tuple[str, tuple[str, ...]]] = {
        name: (packages.base[name], ()) for name in (*packages.replaced, *packages.left_out)
    }
    if release.airflow_requires:
        known["apache-airflow"] = (release.airflow_version, release.airflow_requires)
    return "".join(
        f"[[dependency-metadata]]\nname = {json.dumps(name)}\nversion = {json.dumps(version)}\n"
        f"requires-dist = {json.dumps(list(requires))}\n"
        for name, (version, requires) in known.items()
    )
