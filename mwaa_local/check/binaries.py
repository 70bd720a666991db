"""Whether compiled files and wheels fit MWAA's containers: Linux on x86-64, the release's Python and its glibc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from packaging import tags
from packaging.tags import Tag

from mwaa_local.release import Release

# glibc of the two systems (AWS: "Comparing AL2 and AL2023", core packages).
GLIBC_MINORS = {"Amazon Linux 2": 26, "Amazon Linux 2023": 34}
OLDEST_GLIBC_MINOR = 5  # of manylinux1 (PEP 513)
LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}  # PEP 600
LAST_MINOR_WITH_PYMALLOC_FLAG = 7  # "cp37m", then "cp38"

ELF_MAGIC = b"\x7fELF"
DOS_MAGIC, PE_MAGIC, PE_PLACE_AT = b"MZ", b"PE\0\0", 60  # the DOS header says at 60 where the other one begins
MACHO_MAGICS = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
MACHO_FAT_MAGIC = b"\xca\xfe\xba\xbe"  # a Java class begins with it, too; then comes its version, 45 or more
FIRST_JAVA_VERSION = 45
ELF_64_BIT, ELF_LITTLE_ENDIAN, ELF_X86_64 = 2, 1, 62  # EI_CLASS, EI_DATA, e_machine (System V ABI)
ELF_CLASS_AT, ELF_DATA_AT, ELF_MACHINE_AT = 4, 5, 18
ELF_MACHINES = {3: "32-bit x86", 40: "32-bit ARM", 183: "ARM (aarch64)", 21: "PowerPC", 22: "S/390", 243: "RISC-V"}

_NEEDED_GLIBC = re.compile(rb"GLIBC_2\.(\d{1,3})(?=\D)")
_MUSL = re.compile(rb"libc\.musl-|ld-musl-")
# `name.cpython-312-x86_64-linux-gnu.so` (PEP 3149).
_EXTENSION_PYTHON = re.compile(r"\.cpython-3(\d{1,2})m?-[^/]*\.so$")


def python_minor(release: Release) -> int:
    """Return 12 for Python 3.12."""
    return int(release.python_version.partition(".")[2])


def glibc_minor(release: Release) -> int:
    """Return 34 for glibc 2.34."""
    return GLIBC_MINORS[release.operating_system]


@cache
def wheel_tags(python: int, glibc: int) -> frozenset[Tag]:
    """Return the tags of wheels that pip takes on x86-64 with that minor of Python 3 and of glibc 2."""
    platforms = list(_platforms(glibc))
    abi = f"cp3{python}m" if python <= LAST_MINOR_WITH_PYMALLOC_FLAG else f"cp3{python}"
    return frozenset(
        [
            *tags.cpython_tags((3, python), [abi], platforms),
            *tags.compatible_tags((3, python), f"cp3{python}", platforms),
        ]
    )


def _platforms(glibc: int) -> Iterator[str]:
    for minor in range(glibc, OLDEST_GLIBC_MINOR - 1, -1):
        yield f"manylinux_2_{minor}_x86_64"
        if minor in LEGACY_MANYLINUX:
            yield f"{LEGACY_MANYLINUX[minor]}_x86_64"
    yield "linux_x86_64"


def is_binary(content: bytes) -> bool:
    """Whether a file with this beginning is a program or library of Linux, macOS or Windows."""
    return bool(_foreign_system(content)) or content.startswith(ELF_MAGIC)


def why_not_loadable(name: str, content: bytes, release: Release) -> str:
    """Return why the program or library does not run in the release's container; "" if nothing is known against it.

    `content` is the file, or its beginning, which has the names of what it needs.
    """
    if system := _foreign_system(content):
        return f"it is made for {system}"
    if not content.startswith(ELF_MAGIC) or len(content) < ELF_MACHINE_AT + 2:
        return ""
    if machine := _foreign_machine(content):
        return f"it is made for {machine}"
    if _MUSL.search(content):
        return "it needs musl, the C library of Alpine Linux"
    needed = max((int(minor) for minor in _NEEDED_GLIBC.findall(content)), default=0)
    if needed > glibc_minor(release):
        return f"it needs glibc 2.{needed}, and {release.operating_system} has 2.{glibc_minor(release)}"
    made_for = _EXTENSION_PYTHON.search(name)
    if made_for and int(made_for[1]) != python_minor(release):
        return f"it is made for Python 3.{made_for[1]}"
    return ""


def _foreign_system(content: bytes) -> str:
    pe_at = int.from_bytes(content[PE_PLACE_AT : PE_PLACE_AT + 4], "little")
    if content.startswith(DOS_MAGIC) and content[pe_at : pe_at + len(PE_MAGIC)] == PE_MAGIC:
        return "Windows"
    if content.startswith(MACHO_MAGICS):
        return "macOS"
    if content.startswith(MACHO_FAT_MAGIC) and int.from_bytes(content[4:8], "big") < FIRST_JAVA_VERSION:
        return "macOS"
    return ""


def _foreign_machine(content: bytes) -> str:
    machine_bytes = content[ELF_MACHINE_AT : ELF_MACHINE_AT + 2]
    machine = int.from_bytes(machine_bytes, "little" if content[ELF_DATA_AT] == ELF_LITTLE_ENDIAN else "big")
    if machine != ELF_X86_64:
        return ELF_MACHINES.get(machine, f"another processor (ELF machine {machine})")
    return "" if content[ELF_CLASS_AT] == ELF_64_BIT else "32-bit programs (x32)"
