"""Copy a requirements file, and the files it names, such that it can be installed where MWAA's paths do not exist.

The official constraints address of the release becomes the catalogue's own file, so that it needs no network, and
paths of MWAA's container become the project's. Lines keep their numbers.

Not for what the file means on MWAA: that is `prepare`.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from mwaa_local.release import Release
from mwaa_local.requirements import text as requirements_file
from mwaa_local.requirements.text import Edit, Option

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # the only form that pip expands
_REMOTE = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class HomeMap:
    """Paths of MWAA's container, and what stands for them here."""

    def __init__(self, home_map: Mapping[str, Path]) -> None:
        self._dirs = {name.rstrip("/"): path for name, path in home_map.items()}
        names = "|".join(re.escape(name) for name in sorted(self._dirs, key=len, reverse=True))
        self._pattern = re.compile(
            rf"""(?<![^\s@"'=])(?P<scheme>file:(?://(?:localhost)?)?)?(?P<dir>{names})(?=[/\s;,"'\[]|$)"""
        )

    def path(self, text: str) -> str:
        """Return the path of this machine for a path, or the text itself when it is no mapped path."""
        for name in sorted(self._dirs, key=len, reverse=True):
            if text == name or text.startswith(name + "/"):
                return str(self._dirs[name]) + text[len(name) :]
        return text

    def edits(self, text: str, end: int) -> Iterator[Edit]:
        """Yield edits for mapped paths in the requirement part of a line: `/…/x.whl`, `x @ file:///…/x.whl`."""
        if not self._dirs:
            return
        for match in self._pattern.finditer(text, 0, end):
            here = str(self._dirs[match["dir"]])
            yield Edit(match.start("dir"), match.end("dir"), quote(here) if match["scheme"] else here)


@dataclass(frozen=True)
class _File:
    """One file of the requirements, read."""

    path: Path  # of the copy; of the file itself when there is nothing to copy
    text: str  # "" when it cannot be read, so that MWAA's scan finds nothing in it
    is_empty: bool


@dataclass
class Rewriter:
    """Copies a requirements file, and the local files it names, with the names of other files put right."""

    release: Release
    work_dir: Path
    home_map: HomeMap
    variables: Mapping[str, str]
    copies: dict[Path, Path] = field(default_factory=dict)
    digested: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_constraints: bool = False
    unreadable: str = ""
    _files: dict[Path, Path] = field(default_factory=dict)  # source -> copy

    def add(self, source_path: Path) -> _File:
        """Write the copy of a file and of all that it names; a file that names itself in a circle is copied once."""
        source_path = source_path.absolute()
        try:
            content = source_path.read_bytes()
        except FileNotFoundError:
            self._digest("missing", source_path.name)
            return _File(source_path, "", is_empty=True)
        except OSError as error:
            self._digest("unreadable", source_path.name)
            return self._unreadable_file(source_path, f"{source_path}: {error.strerror}")
        self._digest("file", content)
        copy_path = self._copy_path(source_path)
        try:
            text = requirements_file.decode(content)
        except (UnicodeDecodeError, LookupError) as error:
            self._write(copy_path, content)
            return self._unreadable_file(copy_path, _explain_encoding(source_path, content, error))
        lines = list(requirements_file.logical_lines(text))
        edits = [(line, edit) for line in lines for edit in self._edits(line.text, source_path.parent)]
        copy = requirements_file.replace(text, edits)
        # With the mark, pip takes the copy for UTF-8 whatever its coding comment or the locale says.
        self._write(copy_path, (b"" if copy.isascii() else codecs.BOM_UTF8) + copy.encode("utf-8"))
        return _File(copy_path, text, is_empty=not lines)

    def _unreadable_file(self, path: Path, why: str) -> _File:
        self.unreadable = self.unreadable or why
        return _File(path, "", is_empty=False)

    def _copy_path(self, source_path: Path) -> Path:
        number = len(self._files)
        copy_path = (self.work_dir / (f"{number}-{source_path.name}" if number else source_path.name)).absolute()
        self._files[source_path.resolve()] = copy_path
        self.copies[copy_path] = source_path
        return copy_path

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _digest(self, kind: str, content: bytes | str) -> None:
        encoded = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        self.digested += [kind.encode(), encoded]

    def _edits(self, line: str, folder: Path) -> Iterator[Edit]:
        requirement_end = requirements_file.options_start(line)
        if "/" in line[:requirement_end]:
            self._digest_package(folder / self.home_map.path(line[:requirement_end].split(";")[0].strip()))
        yield from self.home_map.edits(line, requirement_end)
        for option in requirements_file.options(line):
            new = self._new_value(option, folder)
            if new != option.value:
                yield Edit(option.start, option.end, requirements_file.quoted(option.prefix, new))

    def _new_value(self, option: Option, folder: Path) -> str:
        if option.name in ("constraint", "requirement"):
            return self._nested(option, folder)
        if option.name == "find-links":
            return self._find_links(option.value, folder)
        if option.name in ("editable", "index-url", "extra-index-url", "pypi-url"):
            return self._mapped(option.value)
        return option.value

    def _nested(self, option: Option, folder: Path) -> str:
        """Return what to write for the file that a `-r` or `-c` names."""
        value = self._expanded(option.value)
        if _local_path(value) == os.devnull:
            return option.value  # pip reads it as an empty file: it names no constraints
        is_constraint = option.name == "constraint"
        other = self.release.named_by(value)
        self.has_constraints |= is_constraint and other is not None
        if other is self.release:
            return str(other.constraints_path)
        if other:  # a copy like that of any other file: a container sees no other part of the catalogue
            self.notes.append(
                f"the constraints named are those of Airflow {other.airflow_version}, the environment has "
                f"{self.release.airflow_version}; they are taken from the catalogue"
            )
            known = self._files.get(other.constraints_path.resolve())
            return str(known or self.add(other.constraints_path).path)
        if _REMOTE.match(value):
            self.has_constraints |= is_constraint
            self._note_other_release(value)
            return option.value
        if _VARIABLE.match(value):
            self.has_constraints |= is_constraint
            return option.value  # may be an address or a full path; pip will see
        nested_path = folder / self.home_map.path(_local_path(value))
        if not _holds(nested_path.is_file):
            self.has_constraints |= is_constraint
            self._digest("missing", option.value)
            return str(nested_path.absolute())
        known = self._files.get(nested_path.resolve())
        if known is not None:
            self.has_constraints |= is_constraint
            return str(known)
        nested = self.add(nested_path)
        self.has_constraints |= is_constraint and not nested.is_empty
        return str(nested.path)

    def _expanded(self, value: str) -> str:
        return _VARIABLE.sub(lambda match: self.variables.get(match[1], match[0]), value)

    def _find_links(self, value: str, folder: Path) -> str:
        """pip looks next to the file first, then in its own working folder."""
        mapped = self._mapped(value)
        links_path = folder / _local_path(self._expanded(mapped))
        if _REMOTE.match(mapped) or not _holds(links_path.exists):
            return mapped
        for path in _listing(links_path) if links_path.is_dir() else [links_path]:
            self._digest_package(path)
        return mapped if mapped.lower().startswith("file:") else str(links_path.absolute())

    def _mapped(self, value: str) -> str:
        if value.lower().startswith("file:"):
            local = _local_path(value)
            mapped = self.home_map.path(local)
            return value if mapped == local else Path(mapped).as_uri()
        return self.home_map.path(value)

    def _digest_package(self, path: Path) -> None:
        """A package file counts by name and size."""
        if _holds(path.is_file):
            self._digest("package", f"{path.name} {path.stat().st_size}")

    def _note_other_release(self, url: str) -> None:
        match = re.search(r"constraints-(\d+\.\d+\.\d+)/constraints-", url)
        if match and match[1] != self.release.airflow_version:
            self.notes.append(
                f"the constraints named are those of Airflow {match[1]}, the environment has "
                f"{self.release.airflow_version}; they are fetched from {urlsplit(url).hostname}"
            )


def _holds(check: Callable[[], bool]) -> bool:
    """Ask `path.is_file` and its like, which raise for text that cannot be the name of a file at all."""
    try:
        return check()
    except (OSError, ValueError):
        return False


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _local_path(value: str) -> str:
    return unquote(urlsplit(value).path) if value.lower().startswith("file:") else value


def _explain_encoding(path: Path, content: bytes, error: UnicodeDecodeError | LookupError) -> str:
    if isinstance(error, UnicodeDecodeError):
        line = content[: error.start].count(b"\n") + 1
        return f"{path}:{line}: not {error.encoding} text (byte 0x{content[error.start]:02x}); save it as UTF-8"
    return f"{path}: its coding comment names an encoding that Python does not know ({error}); save it as UTF-8"
