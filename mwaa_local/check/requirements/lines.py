"""Read a requirements file, and the files it names, into values: what each line means to pip and where it stands.

Not for what the lines mean on MWAA (`rules`), nor for making a file that can be installed here
(`mwaa_local.requirements.copy`). Files behind addresses are not fetched.

Source: pip 26.3, `pip/_internal/req/req_file.py`; MWAA's scan for constraints: aws/amazon-mwaa-docker-images,
`python/mwaa/utils/user_requirements.py`.
"""

from __future__ import annotations

import bisect
import itertools
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mwaa_local.check.requirements import line_syntax
from mwaa_local.check.requirements.line_syntax import CONSTRAINT, FIND_LINKS, REQUIREMENT, LineOption, ParsedLine
from mwaa_local.requirements import text as requirements_file
from mwaa_local.requirements.copy import HomeMap
from mwaa_local.requirements.prepare import SCANNED_FOR

PACKAGE = "package"
# pip's working folder on MWAA, and where the requirements file is (amazon-mwaa-docker-images, Dockerfile.base).
MWAA_HOME = "/usr/local/airflow"
MWAA_REQUIREMENTS_DIR = f"{MWAA_HOME}/requirements"
# pip reads nested files by recursion and so has a limit as well; nobody nests this deep on purpose.
MAX_NESTING = 50


@dataclass(frozen=True)
class LocalPath:
    """A file or folder that a line names: a package, a folder of packages, a nested file."""

    role: str  # PACKAGE, FIND_LINKS, REQUIREMENT or CONSTRAINT
    mwaa_path: str  # as MWAA's container understands it
    path: Path  # what stands for it on this machine
    exists: bool  # on this machine
    is_relative: bool


@dataclass(frozen=True)
class Line:
    """One line as pip takes it; what does not apply is empty.

    `requirement` is also set, as pip does, for a wheel (`name==version`) and for an address with `#egg=name`.
    `options` are those that pip heeds: beside a requirement it takes hashes and little else, and of a line that names
    another file it takes nothing but that.
    """

    path: str  # as the user knows the file
    number: int  # of its first line; the file's first is 1
    text: str  # as written, without its comment; may hold secrets
    requirement: Requirement | None = None
    url: str = ""  # where the package is, variables expanded; "" for one of an index and for a local one
    local_paths: tuple[LocalPath, ...] = ()
    marker: Marker | None = None  # also of a package whose name is not told
    options: tuple[LineOption, ...] = ()
    ignored: tuple[str, ...] = ()  # options that pip ignores, as `--name`; "" for words that belong to none
    is_editable: bool = False
    is_constraint: bool = False  # of a file that `-c` names: holds a version, asks for nothing
    unknown_variables: tuple[str, ...] = ()  # which pip leaves as they are
    problem: str = ""  # why pip refuses the line

    @property
    def name(self) -> str:
        """The package's normalised name; "" where the line does not tell."""
        return canonicalize_name(self.requirement.name) if self.requirement else ""

    @property
    def is_package(self) -> bool:
        """Whether the line asks pip for a package, by whatever means."""
        has_place = self.url != "" or any(local.role == PACKAGE for local in self.local_paths)
        return not self.is_constraint and (self.requirement is not None or has_place)

    @property
    def is_open(self) -> bool:
        """Whether pip cannot read the line unless something on MWAA sets a variable that is not known here."""
        return self.unknown_variables != () and not (self.is_package or self.requirement or self.options)

    @property
    def hashes(self) -> tuple[str, ...]:
        """What `--hash` says, as `sha256:…`."""
        return self.values("hash")

    def values(self, option: str) -> tuple[str, ...]:
        """Return the values of an option by its long name; a "" for each time where it takes none."""
        return tuple(given.value for given in self.options if given.name == option)


@dataclass(frozen=True)
class ScannedConstraint:
    """A line of the requirements file in which MWAA's scan sees constraints, be it a comment or a real option."""

    path: str
    number: int


@dataclass(frozen=True)
class Unreadable:
    """A file that pip cannot read. `number` is the line where it breaks, 0 for the file as a whole."""

    path: str
    number: int
    what: str
    hint: str = ""


Entry = Line | ScannedConstraint | Unreadable


def read(
    path: Path, root_dir: Path, home_map: Mapping[str, Path], variables: Mapping[str, str] | None = None
) -> tuple[Entry, ...]:
    """Return what a requirements file says, the lines of a nested file right after the line that names it.

    `root_dir` is the project's: paths are given below it. `home_map` says what stands for paths of MWAA's container,
    as for `requirements.prepare`. `variables` are what `${NAME}` can mean; MWAA's own `AIRFLOW_VERSION` is one.

    A file that is named twice is read once. One that leads back to itself makes an Unreadable, as pip refuses it.
    """
    reader = _Reader(root_dir.absolute(), HomeMap(home_map), variables or {})
    reader.add(_File(path.absolute(), MWAA_REQUIREMENTS_DIR))
    return tuple(reader.entries)


@dataclass(frozen=True)
class _File:
    path: Path
    mwaa_dir: str  # the folder that has it on MWAA, from where it names other files
    is_constraint: bool = False
    parents: tuple[str, ...] = ()  # real paths of the files by which pip came here


@dataclass
class _Reader:
    root_dir: Path
    home_map: HomeMap
    variables: Mapping[str, str]
    entries: list[Entry] = field(default_factory=list)
    _seen: set[tuple[str, bool]] = field(default_factory=set)

    def add(self, file: _File) -> None:
        """Append what the file says."""
        shown = self._shown(file.path)
        text = self._text(file.path, shown)
        if not file.parents:
            lines = enumerate(text.splitlines(), 1)
            self.entries += [
                ScannedConstraint(shown, number) for number, line in lines if any(it in line for it in SCANNED_FOR)
            ]
        ends = list(itertools.accumulate(len(line) for line in text.splitlines(keepends=True)))
        for logical in requirements_file.logical_lines(text):
            number = bisect.bisect_right(ends, logical.offsets[0]) + 1
            line = self._line(logical.text.strip(), file, shown, number)
            self.entries.append(line)
            for local in line.local_paths:
                if local.role in (REQUIREMENT, CONSTRAINT) and local.exists:
                    self._nested(local, file, line)

    def _nested(self, local: LocalPath, file: _File, line: Line) -> None:
        parents = (*file.parents, os.path.realpath(file.path))
        real_path = os.path.realpath(local.path)
        is_constraint = local.role == CONSTRAINT
        if real_path in parents or len(parents) > MAX_NESTING:
            what = "the file named leads back to itself" if real_path in parents else "files are nested too deep"
            self.entries.append(Unreadable(line.path, line.number, what, "remove this line"))
        elif (real_path, is_constraint) not in self._seen:
            self._seen.add((real_path, is_constraint))
            self.add(_File(local.path, posixpath.dirname(local.mwaa_path), is_constraint, parents))

    def _text(self, path: Path, shown: str) -> str:
        """Return the file's text; "" after noting why there is none."""
        hint = "save it as UTF-8"
        try:
            content = path.read_bytes()
            return requirements_file.decode(content)
        except UnicodeDecodeError as error:
            number = error.object[: error.start].count(b"\n") + 1
            what = f"byte 0x{error.object[error.start]:02x} is no {error.encoding} text"
            self.entries.append(Unreadable(shown, number, what, hint))
        except LookupError:
            self.entries.append(Unreadable(shown, 1, "its coding comment names an encoding Python does not know", hint))
        except OSError as error:
            self.entries.append(Unreadable(shown, 0, f"the file cannot be read: {error.strerror}"))
        return ""

    def _shown(self, path: Path) -> str:
        normal = Path(os.path.normpath(path))
        return str(normal.relative_to(self.root_dir) if normal.is_relative_to(self.root_dir) else normal)

    def _line(self, text: str, file: _File, shown: str, number: int) -> Line:
        expanded = line_syntax.expand(text, self.variables)
        unknown = line_syntax.unexpanded(expanded)
        line = Line(shown, number, text, is_constraint=file.is_constraint, unknown_variables=unknown)
        try:
            meaning = line_syntax.parse(expanded)
            line_syntax.refuse_empty_version(meaning)
            local_paths = tuple(self._local_paths(meaning, file))
        except ValueError as error:
            # What stands for a variable may be secret; and what stands for an unknown one may make the line right.
            problem = str(error).partition("\n")[0] if expanded == text else "pip cannot read what its variables make"
            return replace(line, problem="" if unknown else problem)
        return replace(
            line,
            requirement=meaning.requirement,
            url="" if line_syntax.is_local(meaning.address) else meaning.address,
            local_paths=local_paths,
            marker=meaning.marker,
            options=meaning.options,
            ignored=meaning.ignored,
            is_editable=meaning.is_editable,
        )

    def _local_paths(self, meaning: ParsedLine, file: _File) -> Iterator[LocalPath]:
        if line_syntax.is_local(meaning.address):
            yield self._local_path(PACKAGE, meaning.address, MWAA_HOME, self.root_dir)
        for option in meaning.options:
            if option.name in (FIND_LINKS, REQUIREMENT, CONSTRAINT) and line_syntax.is_local(option.value):
                yield self._local_path(option.name, option.value, file.mwaa_dir, file.path.parent)

    def _local_path(self, role: str, address: str, mwaa_dir: str, here_dir: Path) -> LocalPath:
        """Return what a path means that is taken from `mwaa_dir` there and from `here_dir` here."""
        written = line_syntax.local_path(address)
        if written == os.devnull and role in (REQUIREMENT, CONSTRAINT):  # pip reads it as an empty file
            return LocalPath(role, written, Path(written), True, False)
        mwaa_path = posixpath.normpath(posixpath.join(mwaa_dir, written))
        places = (here_dir / written, Path(self.home_map.path(mwaa_path)))
        is_there = Path.is_file if role in (REQUIREMENT, CONSTRAINT) else Path.exists
        found = next((place for place in places if _holds(is_there, place)), None)
        return LocalPath(role, mwaa_path, found or places[-1], found is not None, not written.startswith("/"))


def _holds(check: Callable[[Path], bool], path: Path) -> bool:
    """Ask `Path.exists` and its like, which raise for what cannot be a path at all."""
    try:
        return check(path)
    except (OSError, ValueError):
        return False
