"""What pip gets of the caller's shell."""

from __future__ import annotations

from mwaa_local.requirements.install import pip_network


def test_pip_is_told_how_to_reach_an_index_and_nothing_else_of_the_shell() -> None:
    network = {"PIP_INDEX_URL": "https://index.example/simple", "PIP_CERT": "/etc/company.pem"}
    shell = {"HOME": "/home/me", "PIP_TARGET": "/elsewhere", "PIP_NO_DEPS": "1"}
    assert pip_network({**shell, **network}) == network
    assert pip_network(shell) == {}
