"""`mwaa-local package-requirements`: what it says of a package that was written, and its exit code."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mwaa_local.cli.package_requirements import show_result
from mwaa_local.console import Console
from mwaa_local.packaging.package import Packaged
from mwaa_local.packaging.proof import Disproved, NotTried, Proof, Proved
from mwaa_local.release import Release


def packaged(proof: Proof) -> Packaged:
    return Packaged(Path("plugins.zip"), Path("packaged_requirements.txt"), (), 0, 1000, "", proof)


@pytest.mark.parametrize(
    ("proof", "said", "exit_code"),
    [
        (Proved(1.0, ()), "proved: pip installed it without a network in 1.0 s", 0),
        (NotTried("there is no Python 3.12"), "not proved: there is no Python 3.12", 0),
        (Disproved("no alpha"), "does not install: no alpha", 1),
    ],
)
def test_package_that_pip_refuses_fails_and_one_that_could_not_be_tried_does_not(
    proof: Proof, said: str, exit_code: int
) -> None:
    text, plain, release = io.StringIO(), io.StringIO(), Release.load("3.3.1")
    assert show_result(Console(text, io.StringIO(), {}), release, packaged(proof), as_json=False) == exit_code
    assert said in text.getvalue().splitlines()
    assert show_result(Console(plain, io.StringIO(), {}), release, packaged(proof), as_json=True) == exit_code
    assert json.loads(plain.getvalue())["exit_code"] == exit_code
