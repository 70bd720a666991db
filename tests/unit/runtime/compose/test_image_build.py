"""What a failed build of the image means. The outputs are BuildKit's own, cut to the lines that matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.errors import DiskFull, ImageBuildFailed
from mwaa_local.runtime.compose.image_build import SHOWN_LINES, build_error, step_of

UV_STEP = '#7 [build 2/6] RUN --mount=type=secret,id=ca_bundle : "step: uv";     "$python" -m venv /opt/uv'
SYSTEM_STEP = '#7 [stage-1 2/9] RUN --mount=type=secret,id=ca_bundle : "step: system packages";     if command -v'
OTHER_STEP = '#6 [build 5/6] RUN : "step: AWS CLI";     python=$(command -v'
RETRY = (
    "#7 2.51 WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection "
    "broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to "
    "establish a new connection: [Errno -2] Name or service not known')': /simple/uv"
)
FAILED = '#7 ERROR: process "/bin/bash -euo pipefail -c : step" did not complete successfully: exit code: 1'


LOG_PATH = Path("/project/.mwaa-local/logs/image_build.out")


def failure(*lines: str, index_host: str = "pypi.org") -> ImageBuildFailed:
    error = build_error("\n".join(lines), LOG_PATH, index_host)
    assert isinstance(error, ImageBuildFailed)
    return error


def test_index_that_cannot_be_reached_is_named_with_the_step() -> None:
    error = failure(OTHER_STEP, UV_STEP, RETRY, RETRY, FAILED, index_host="packages.example.com")
    assert error.what == "the image could not be built, step 'uv': packages.example.com could not be reached"
    assert "PIP_INDEX_URL" in error.hint
    assert error.why.count("Name or service not known") == 1


def test_mirror_is_named_rather_than_the_index() -> None:
    fetch = (
        "#7 3.924 W: Failed to fetch http://mirror.example.org/debian/dists/bookworm/InRelease  Could not connect to "
        "mirror.example.org:80 (192.0.2.1). - connect (111: Connection refused)"
    )
    error = failure(SYSTEM_STEP, fetch, "#7 4.132 E: Unable to locate package git", FAILED)
    assert error.what.endswith("step 'system packages': mirror.example.org could not be reached")
    assert "MWAA_LOCAL_DEBIAN_MIRROR" in error.hint


def test_unknown_system_package_points_to_the_setting() -> None:
    error = failure(SYSTEM_STEP, "#7 4.1 E: Unable to locate package no-such-package", FAILED)
    assert error.what == "the image could not be built, step 'system packages'"
    assert "no-such-package" in error.why
    assert "SystemPackages" in error.hint


def test_base_image_that_is_not_to_be_had_is_named() -> None:
    error = failure(
        "#2 ERROR: failed to do request: Head",
        "ERROR: failed to solve: python:9.9-x: failed to resolve source metadata for docker.io/library/python:9.9-x: "
        "dial tcp: lookup registry-1.docker.io: no such host",
    )
    assert error.what == "cannot pull the base image docker.io/library/python:9.9-x"
    assert "BaseImage" in error.hint


def test_full_disk_is_what_it_is_whatever_the_step() -> None:
    output = f"{UV_STEP}\n#7 1.0 OSError: [Errno 28] No space left on device\n{FAILED}"
    assert isinstance(build_error(output, LOG_PATH), DiskFull)


def test_output_without_a_step_of_ours_is_shown_as_it_is() -> None:
    error = failure("something else", "went wrong")
    assert error.what == "the image could not be built"
    assert error.why.splitlines() == ["something else", "went wrong", f"The whole log: {LOG_PATH}"]


def test_last_lines_of_the_step_are_shown_and_nothing_of_others() -> None:
    said = [f"#7 1.{number} line {number}" for number in range(SHOWN_LINES + 5)]
    error = failure(OTHER_STEP, UV_STEP, *said, "#6 1.5 of the other", FAILED)
    first, *shown, log = error.why.splitlines()
    assert first == "The step failed with exit code: 1, and these were its last lines:"
    assert shown == [f"line {number}" for number in range(5, SHOWN_LINES + 5)]
    assert log == f"The whole log: {LOG_PATH}"


def test_step_that_printed_nothing_says_how_it_ended() -> None:
    error = failure(OTHER_STEP, UV_STEP, "#6 1.5 of the other", FAILED.replace("exit code: 1", "exit code: 141"))
    assert error.what == "the image could not be built, step 'uv'"
    assert error.why.splitlines() == [
        "The step failed with exit code: 141, and printed nothing.",
        f"The whole log: {LOG_PATH}",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (UV_STEP, RETRY, FAILED),
        ("ERROR: pull access denied for private/image, repository does not exist",),
        ("no step",),
    ],
)
def test_whole_log_is_named_whatever_failed(lines: tuple[str, ...]) -> None:
    assert failure(*lines).why.splitlines()[-1] == f"The whole log: {LOG_PATH}"


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (UV_STEP, "uv"),
        (SYSTEM_STEP, "system packages"),
        ("#8 [build 3/6] COPY packages.txt /tmp/build/", ""),
        ('RUN : "step: uv"', ""),
    ],
)
def test_step_is_read_from_progress_lines(line: str, step: str) -> None:
    assert step_of(line) == step
