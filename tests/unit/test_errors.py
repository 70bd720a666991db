"""What the system refuses is said in the user's terms; everything else stays a bug."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from mwaa_local.errors import AccessDenied, ComponentFailed, DiskFull, MwaaLocalError, disk_error, line_on_full_disk
from mwaa_local.runtime.process.servers import initdb_error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_names_the_folder(number: int) -> None:
    error = disk_error(OSError(number, "no room"), Path("/cache"))
    assert isinstance(error, DiskFull)
    assert "/cache" in error.what
    assert error.hint


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_refused_access_names_the_file(number: int) -> None:
    error = disk_error(OSError(number, "refused", "/project/.mwaa-local/run"), Path("/cache"))
    assert isinstance(error, AccessDenied)
    assert "/project/.mwaa-local/run" in error.what
    assert error.hint


def test_other_errors_of_the_system_stay_what_they_are() -> None:
    error = OSError(errno.EINVAL, "invalid")
    assert disk_error(error) is error
    refused_without_a_file = OSError(errno.EPERM, "refused")
    assert disk_error(refused_without_a_file) is refused_without_a_file


@pytest.mark.parametrize(
    ("output", "kind", "word"),
    [
        (
            "initdb: error: could not look up effective user ID 4321: user does not exist",
            ComponentFailed,
            "/etc/passwd",
        ),
        ("initdb: error: could not create file: No space left on device", DiskFull, "can be written"),
        ("initdb: error: something else", ComponentFailed, "can be written"),
    ],
)
def test_initdb_failures_have_a_fix_each(output: str, kind: type[MwaaLocalError], word: str) -> None:
    error = initdb_error(output, Path("/project/database"))
    assert type(error) is kind
    assert output in error.why
    assert word in error.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "so far\ncp: error writing 'x': No space left on device\nmore",
            "cp: error writing 'x': No space left on device",
        ),
        ("  write: disk quota exceeded", "write: disk quota exceeded"),
        ("failed to copy: (os error 28)", "failed to copy: (os error 28)"),
        ("failed to copy: (os error 280)", ""),
        ("no room at the inn", ""),
        ("", ""),
    ],
)
def test_full_disk_is_known_in_what_other_programs_say(text: str, line: str) -> None:
    assert line_on_full_disk(text) == line
