"""What `make bench-releases` makes of its figures; that it measures, a run of it shows."""

from __future__ import annotations

import pytest

from tools.bench_releases import HEADERS, Figures, main


def shown(figures: Figures) -> dict[str, str]:
    return dict(zip(HEADERS, figures.row(), strict=True))


def test_downloads_are_what_a_start_takes_longer_without_them() -> None:
    row = shown(Figures("2.8.1", cold=50.0, cold_downloaded=38.0))
    assert (row["cold `up`"], row["of it downloads"], row["≤ 60 s"]) == ("50.0 s", "12.0 s", "yes")
    assert shown(Figures("2.8.1", cold=60.1))["≤ 60 s"] == "no"


def test_warm_starts_are_compared_by_their_medians() -> None:
    row = shown(Figures("2.8.1", ours=[9.0, 30.0, 8.0], standalone=[10.0, 9.5, 11.0]))
    assert (row["warm `up`"], row["standalone"], row["no slower"]) == ("9.0 s", "10.0 s", "yes")
    assert shown(Figures("2.8.1", ours=[9.0], standalone=[8.0]))["no slower"] == "no"


@pytest.mark.parametrize("figures", [Figures("2.2.2", ours=[9.0], standalone=[8.0]), Figures("2.8.1", ours=[9.0])])
def test_what_was_not_measured_or_is_not_wanted_is_not_judged(figures: Figures) -> None:
    assert shown(figures)["no slower"] == "-"


def test_failure_is_in_its_line() -> None:
    row = shown(Figures("2.8.1", busy_percents=[3.0, 40.0], failure="it ended"))
    assert (row["failed"], row["cold `up`"], row["others"]) == ("it ended", "-", "40 %")


def test_release_that_mwaa_never_had_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--releases", "2.8.9"]) == 1
    assert "Amazon MWAA has no Airflow version '2.8.9'" in capsys.readouterr().err
