"""Read a requirements file as MWAA's containers do, and make it ready to be installed on this machine.

MWAA runs `pip install --constraint ESSENTIAL_PINS -r FILE`, and adds `-c AIRFLOW_CONSTRAINTS` (releases from 2.7.2 on)
unless the file has `-c ` or `--constraint ` anywhere in a line, be it in a comment. `prepare` finds out what MWAA would
do and writes a copy of the file that can be installed here (`copy`).

Not for installing (`install`), nor for containers, which see other paths (`container`), nor
for checking or resolving requirements without installing them, nor for deciding when to install.

Source: aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and
`bin/airflow-user/safe-pip-install`; MWAA user guide, "Installing Python dependencies".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mwaa_local.release import Release
from mwaa_local.requirements.copy import HomeMap, Rewriter

SCANNED_FOR = ("-c ", "--constraint ")


class ConstraintSource(Enum):
    """Where the constraints beyond the essential pins come from."""

    INJECTED = "injected"  # MWAA adds the release's; constraints of the file that its scan overlooks hold as well
    FROM_FILE = "from file"
    NONE = "none"


@dataclass(frozen=True)
class PreparedRequirements:
    """A requirements file made ready to be installed on this machine.

    The injected constraints are the image's own, `Release.constraints_path`. They are upstream's for that Airflow and
    Python with few edits (2.11.2: sagemaker_studio, 3.2.1: openlineage provider), so on MWAA a file that names the
    upstream address can resolve differently from one that leaves it to the image. Here both give the catalogue's file.
    """

    source_path: Path
    path: Path  # the rewritten copy, with the same line numbers
    argv_tail: tuple[str, ...]  # arguments after `pip install`
    constraints: ConstraintSource
    notes: tuple[str, ...]  # one line each
    digest: str  # changes with the file, local files it names, constraints, essential pins and injected arguments
    is_empty: bool  # nothing but blank lines and comments, or no file at all
    copies: Mapping[Path, Path]  # rewritten copy -> the file the user knows
    unreadable: str = ""  # which file's text could not be read, and why; pip then gets it as it is
    release: Release | None = None  # what it was made ready for


def prepare(
    source_path: Path,
    release: Release,
    work_dir: Path,
    *,
    home_map: Mapping[str, Path] | None = None,
    variables: Mapping[str, str] | None = None,
) -> PreparedRequirements:
    """Return how MWAA would install the file; writes copies of it, and of local files it names, below `work_dir`.

    `home_map` says what stands for paths of MWAA's container, as in `{"/usr/local/airflow/dags": Path("…/dags")}`.
    `variables` are those that `${NAME}` in the name of a nested file or in a constraints address can mean; `${NAME}`
    itself stays as it is, for pip to expand. Their values are no part of the digest.

    A file that cannot be read is no error here: pip is the one to say so, and the outcome of the install passes it on.
    """
    known = {"AIRFLOW_VERSION": release.airflow_version, **(variables or {})}
    rewriter = Rewriter(release, work_dir, HomeMap(home_map or {}), known)
    top = rewriter.add(source_path)
    scanned_line = _scanned_line(top.text)
    scanned_as_constrained = scanned_line > 0
    inject = release.constraints_injected and not scanned_as_constrained
    argv_tail: list[str] = []
    if release.essential_constraints:
        argv_tail += ["--constraint", str(release.essential_constraints_path)]
    argv_tail += ["-r", str(top.path)]
    if inject:
        argv_tail += ["-c", str(release.constraints_path)]
    constraints = ConstraintSource.FROM_FILE if rewriter.has_constraints else ConstraintSource.NONE
    notes = [] if top.is_empty else _constraint_notes(release, inject, scanned_line, constraints)
    return PreparedRequirements(
        source_path=source_path,
        path=top.path,
        argv_tail=tuple(argv_tail),
        constraints=ConstraintSource.INJECTED if inject else constraints,
        notes=(*notes, *rewriter.notes),
        digest=_digest(release, inject, rewriter.digested),
        is_empty=top.is_empty,
        copies=dict(rewriter.copies),
        unreadable=rewriter.unreadable,
        release=release,
    )


def _constraint_notes(release: Release, inject: bool, scanned_line: int, effective: ConstraintSource) -> list[str]:
    version = release.airflow_version
    if inject and effective is ConstraintSource.FROM_FILE:
        return [
            f"MWAA adds the constraints of Airflow {version} to those of the file, since it only looks for "
            "`-c ` or `--constraint ` with a blank, in the requirements file itself"
        ]
    if inject:
        return [f"the file names no constraints, so MWAA adds those of Airflow {version}"]
    if scanned_line and effective is ConstraintSource.NONE and release.constraints_injected:
        held = "only the essential pins hold" if release.essential_constraints else "nothing holds the image's packages"
        return [
            f"MWAA adds no constraints of Airflow {version} because of line {scanned_line}, in which it finds `-c ` or "
            f"`--constraint `; {held}"
        ]
    return []


def _scanned_line(text: str) -> int:
    """Return the first line in which MWAA's scan sees constraints, 0 for none."""
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if any(flag in line for flag in SCANNED_FOR)), 0)


def _digest(release: Release, inject: bool, parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    pins = "\n".join(f"{name}=={version}" for name, version in sorted(release.essential_constraints.items()))
    constraints = release.constraints_path.read_bytes()
    for part in (release.airflow_version.encode(), pins.encode(), str(inject).encode(), constraints, *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
