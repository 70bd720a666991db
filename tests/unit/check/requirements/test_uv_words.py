"""What uv's words mean; the texts are those of uv 0.13."""

from __future__ import annotations

from mwaa_local.check.requirements import uv_words
from mwaa_local.check.requirements.conflicts import against
from mwaa_local.check.requirements.resolver import Refused
from mwaa_local.check.requirements.source import Pin
from mwaa_local.check.requirements.uv_words import Reasons

AGAINST_A_PIN = """warning: The requested Python version 3.12 is not available; 3.11.7 will be used instead.
error: No solution found when resolving dependencies
  cause: Because all versions of alpha depend on beta>=2,<3 and beta==1.0, we can conclude that all cannot be used.
         And because you require alpha, we can conclude that your requirements are unsatisfiable.
"""
NOT_THERE = """error: No solution found when resolving dependencies
  cause: Because nothere was not found in the provided package locations and you require nothere, we can conclude that \
your requirements are unsatisfiable.
"""
NO_VERSION = """error: No solution found when resolving dependencies
  cause: Because there is no version of alpha==9 and you require alpha==9, we can conclude that your requirements are \
unsatisfiable.
"""
OTHER_PYTHON = """error: No solution found when resolving dependencies
  cause: Because the requested Python version (>=3.12.13) does not satisfy Python<3.8 and old==1.0 depends on \
Python<3.8, we can conclude that old==1.0 cannot be used.
"""
CURRENT_PYTHON = """error: No solution found when resolving dependencies
  cause: Because the current Python version (3.7.16) does not satisfy Python>=3.8,<4 and snow==5.0.0 depends on \
Python>=3.8,<4, we can conclude that snow==5.0.0 cannot be used.
"""
OTHER_WHEELS = """error: No solution found when resolving dependencies
  cause: Because flow==2.10.0 has no wheels with a matching Python ABI tag (e.g., `cp312`) and you require flow, \
we can conclude that your requirements are unsatisfiable.
"""
NO_REPOSITORY = """error: Git operation failed
  cause: failed to clone into: /root/.cache/uv/git-v1/db/a214fbacf739de5e
  cause: failed to fetch branch or tag `v1`
  cause: process didn't exit successfully: `/usr/bin/git fetch --force 'https://h/none.git'` (exit status: 128)
--- stderr
fatal: repository 'https://h/none.git/' not found
"""
NO_NETWORK = """error: Request failed after 3 retries in 8.3s
  cause: error sending request for url (https://pypi.org/simple/alpha/)
  cause: client error (Connect)
  cause: dns error
"""
YANKED = """warning: `alpha==1.0` is yanked (reason: "broken")
warning: `beta==2.0` is yanked
"""


def reasons(output: str) -> Reasons:
    return Refused(uv_words.said(output)).reasons


def test_warnings_and_marks_are_left_out() -> None:
    said = uv_words.said(AGAINST_A_PIN)
    assert said.splitlines()[0] == "No solution found when resolving dependencies"
    assert said.splitlines()[1].startswith("Because all versions of alpha")
    assert "warning" not in said
    assert reasons(AGAINST_A_PIN).gist.startswith("Because all versions of alpha depend on beta>=2,<3")


def test_kinds_of_failure_are_told_apart() -> None:
    texts = (AGAINST_A_PIN, NOT_THERE, NO_VERSION, OTHER_PYTHON, NO_NETWORK)
    assert [uv_words.is_no_solution(text) for text in texts] == [True, True, True, True, False]
    assert [uv_words.is_not_reached(text) for text in texts] == [False, False, False, False, True]
    assert [reasons(text).unknown_package for text in texts] == ["", "nothere", "", "", ""]
    assert [reasons(text).pythons for text in texts] == ["", "", "", "<3.8", ""]
    assert [reasons(text).is_for_want_of_a_version for text in texts] == [False, False, True, False, False]


def test_versions_are_found_whole_and_behind_a_marker() -> None:
    found = reasons(AGAINST_A_PIN)
    assert found.names("beta", "==1.0")
    assert not found.names("beta", "==1")
    assert not found.names("eta", "==1.0")
    assert Reasons("beta{python_full_version >= '3.8'}==1.0 is").names("beta", "==1.0")
    assert Reasons("alpha==1.0 depends on beta>=2,<3, and").wants("beta") == ("alpha==1.0", ">=2,<3")
    assert Reasons("alpha==1.0 depends on beta>=2,<3, and").wanted_by("alpha", "1.0") == "beta>=2,<3"
    assert found.wants("gamma") is None
    assert found.packages({"alpha": "", "beta": "", "gamma": ""}) == ["alpha", "beta"]


def test_yanked_packages_are_named_with_the_reason() -> None:
    assert uv_words.yanked(YANKED) == {"alpha": "broken", "beta": ""}


def test_what_is_not_understood_is_no_reason() -> None:
    nothing = Reasons("perdu")
    assert (nothing.unknown_package, nothing.pythons, nothing.is_for_want_of_a_version) == ("", "", False)
    pin = Pin("beta", "beta==1.0", "the constraints")
    assert against(pin, (), nothing) == "The constraints hold beta at 1.0, which none of these versions fits."


def test_python_that_a_package_needs_is_told_with_the_package() -> None:
    assert (reasons(CURRENT_PYTHON).pythons, reasons(CURRENT_PYTHON).of_python) == (">=3.8,<4", "snow==5.0.0")
    assert reasons(OTHER_PYTHON).of_python == "old==1.0"


def test_wheels_for_others_alone_are_known() -> None:
    assert reasons(OTHER_WHEELS).without_wheel == "flow==2.10.0"
    assert reasons(OTHER_PYTHON).without_wheel == ""


def test_repository_that_was_not_fetched_is_told_without_places_of_this_machine() -> None:
    assert uv_words.said(NO_REPOSITORY).splitlines() == [
        "Git operation failed",
        "failed to fetch branch or tag `v1`",
        "fatal: repository 'https://h/none.git/' not found",
    ]
