"""plugins.zip out of a bucket: unpacked whole, or refused whole with the reason."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.api.environments import unpacking
from mwaa_local.api.environments.unpacking import unpack
from mwaa_local.files import remove_tree
from mwaa_local.sync.reading import BucketUnreadable

PLACE = "s3://bucket/plugins.zip"
LINK_MODE, PIPE_MODE = 0o120777, 0o010644
UTF8_FLAG = 0x800
Make = Callable[[zipfile.ZipFile], None]


def entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def packed(folder: Path, make: Make) -> Path:
    path = folder / "plugins.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry("first.py"), "1")
        make(archive)
    return path


def refused(folder: Path, path: Path) -> BucketUnreadable:
    """Return the refusal, after which nothing is there."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(BucketUnreadable) as caught:
        unpack(path, folder / "plugins", PLACE)
    assert sorted(folder.rglob("*")) == before
    assert caught.value.why.endswith("Nothing of it was unpacked.")
    assert caught.value.hint.startswith("pack it anew")
    return caught.value


def test_files_folders_and_executable_bits_are_as_in_the_archive(tmp_path: Path) -> None:
    def make(archive: zipfile.ZipFile) -> None:
        archive.writestr(entry("operators/", 0o040755), "")
        archive.writestr(entry("operators/run.sh", 0o100755), "#!/bin/sh")
        archive.writestr(entry("./deep/er/ü.py"), "x" * 3_000_000)
        archive.writestr(entry("empty/", 0o040755), "")

    unpack(packed(tmp_path, make), tmp_path / "plugins", PLACE)
    there = {path.relative_to(tmp_path / "plugins").as_posix() for path in (tmp_path / "plugins").rglob("*")}
    assert there == {"first.py", "operators", "operators/run.sh", "deep", "deep/er", "deep/er/ü.py", "empty"}
    modes = {
        name: stat.S_IMODE((tmp_path / "plugins" / name).stat().st_mode) for name in ("first.py", "operators/run.sh")
    }
    assert modes == {"first.py": 0o644, "operators/run.sh": 0o755}
    assert (tmp_path / "plugins/deep/er/ü.py").stat().st_size == 3_000_000


@pytest.mark.parametrize("name", ["../out.py", "/out.py", "a/../../out.py", "..\\out.py", "a/.."])
def test_entry_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert "outside of the plugins folder" in refused(tmp_path, packed(tmp_path, lambda a: a.writestr(name, ""))).what


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda a: a.writestr(entry("link.py", LINK_MODE), "/etc/passwd"), "may lead anywhere"),
        (lambda a: a.writestr(entry("pipe", PIPE_MODE), ""), "may lead anywhere"),
        (lambda a: a.writestr("first.py", "2"), "a name twice"),
        (lambda a: a.writestr("./first.py", "2"), "a name twice"),
        (lambda a: a.writestr("first.py/more.py", "2"), "a file where it has a folder"),
        (lambda a: a.writestr("a\\b.py", ""), "backslashes"),
        (lambda a: a.writestr("n" * 256, ""), "too long"),
        (lambda a: a.writestr("n/" * 2100 + "n", ""), "too long"),
        (lambda a: a.writestr(".", ""), "without a name"),
        (lambda a: a.writestr("packed.py", "1", zipfile.ZIP_LZMA), "unzip need not know"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archive_that_cannot_be_had_whole_is_refused(tmp_path: Path, make: Make, what: str) -> None:
    assert what in refused(tmp_path, packed(tmp_path, make)).what


def test_archive_of_gigabytes_of_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 1_000_000)
    path = packed(tmp_path, lambda a: a.writestr("zeros", b"\0" * 2_000_000))
    assert "unpacks to too much" in refused(tmp_path, path).what
    # It may lie about that, too: the size is in the local header and in the directory at the end.
    content = path.read_bytes().replace(struct.pack("<I", 2_000_000), struct.pack("<I", 10))
    path.write_bytes(content)
    refused(tmp_path, path)


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_ENTRIES", 1)
    assert "too many entries" in refused(tmp_path, packed(tmp_path, lambda a: a.writestr("second.py", ""))).what


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plugins.zip"
    path.write_bytes(b"no zip")
    assert "is not a zip file" in refused(tmp_path, path).what


def test_damaged_archive_is_refused_whole(tmp_path: Path) -> None:
    """Each byte after the first entry turned, one at a time: never half an archive, never another error."""
    path = packed(tmp_path, lambda archive: archive.writestr("second.py", "2" * 50))
    content = path.read_bytes()
    outcomes = set()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            unpack(path, tmp_path / "plugins", PLACE)
        except BucketUnreadable:
            assert not (tmp_path / "plugins").exists()
            outcomes.add("refused")
        else:
            remove_tree(tmp_path / "plugins")
            outcomes.add("unpacked")
    assert outcomes == {"refused", "unpacked"}  # times and attributes may be anything


def test_name_that_is_not_the_encoding_it_says_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, lambda a: a.writestr("ü.py", ""))
    path.write_bytes(path.read_bytes().replace("ü.py".encode(), b"\xff\xfe.py"))
    assert "is not a zip file" in refused(tmp_path, path).what


def test_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, lambda a: a.writestr("secret.py", "1"))
    content = bytearray(path.read_bytes())
    for sign, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = content.rindex(sign) + offset
        content[place] |= 1
    path.write_bytes(bytes(content))
    assert "is encrypted" in refused(tmp_path, path).what


def test_what_is_in_the_way_is_no_fault_of_the_archive(tmp_path: Path) -> None:
    path = packed(tmp_path, lambda a: a.writestr("second.py", "2"))
    (tmp_path / "plugins").write_text("a file is in the way")
    with pytest.raises(FileExistsError):
        unpack(path, tmp_path / "plugins", PLACE)
