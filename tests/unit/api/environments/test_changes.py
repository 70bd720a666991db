"""Changes of members that are refused although each member by itself is right."""

from __future__ import annotations

import pytest

from mwaa_local.api.environments.members import refuse_graceful
from mwaa_local.api.http.errors import ServiceError


@pytest.mark.parametrize("version", ["2.4.3", "3.3.1"])
def test_workers_are_replaced_gracefully_where_mwaa_can(version: str) -> None:
    refuse_graceful(version, {"WorkerReplacementStrategy": "GRACEFUL"})


@pytest.mark.parametrize("version", ["1.10.12", "2.2.2"])
def test_older_releases_have_no_graceful_replacement(version: str) -> None:
    refuse_graceful(version, {"WorkerReplacementStrategy": "FORCED"})
    refuse_graceful(version, {})
    with pytest.raises(ServiceError, match=r"GRACEFUL needs Airflow 2\.4\.3 or newer"):
        refuse_graceful(version, {"WorkerReplacementStrategy": "GRACEFUL"})
