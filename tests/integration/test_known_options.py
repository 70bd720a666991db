"""Which options each release has, asked of its own Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.known_options import known_options
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env

pytestmark = pytest.mark.network


@pytest.mark.full
@pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)
def test_every_release_tells_its_options(release: Release, tmp_path: Path) -> None:
    env = make_clean_env(tmp_path)
    packages = PackageStore(cache_dir(), env).base(release, lambda _what: None)
    known = known_options(packages, env, tmp_path / "cache")
    assert {"dags_folder", "parallelism"} <= known.sections["core"]
    assert "smtp_host" in known.sections["smtp"]
    assert sum(map(len, known.sections.values())) > 200
    assert known.types.get("smtp.smtp_starttls", "") == ("boolean" if release.is_at_least("3.0.0") else "")
    assert ("WARNING" in known.choices.get("logging.logging_level", ())) == release.is_at_least("2.2.0")
