"""Turn prepared requirements into what a container can install, which sees the same folders at other paths.

Not for preparing them: `prepare` found the files, and wrote copies that name paths of this machine.
"""

from __future__ import annotations

import codecs
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from mwaa_local.release import Release
from mwaa_local.requirements import text as requirements_file
from mwaa_local.requirements.prepare import PreparedRequirements
from mwaa_local.requirements.text import Edit

CONSTRAINTS_DIR_NAME = "constraints"  # below the work folder: the release's own files

# Where a full path can begin in a line, and where its folder's name can end; names may hold all of these themselves.
_PATH_START = re.compile(r"""(?<![^\s@"'=])(?P<scheme>file:(?://(?:localhost)?)?)?(?=/)""", re.IGNORECASE)
_NAME_END = re.compile(r"""[/\s;,"'\[#?]|\Z""")


def for_container(
    prepared: PreparedRequirements,
    release: Release,
    mapping: Mapping[Path, str],
    work_dir: Path,
    container_work_dir: str,
) -> PreparedRequirements:
    """Return the same requirements as a container is to install them; rewrites the copies in `work_dir`.

    `mapping` says where the container sees folders of this machine, `work_dir` among them at `container_work_dir`; the
    innermost folder of a path counts, however the path is spelt. The release's constraints are copied to `work_dir`,
    so that the container needs nothing else. `copies` then names the container's paths, as pip's messages will.
    """
    constraints = {
        path: f"{container_work_dir}/{CONSTRAINTS_DIR_NAME}/{path.name}"
        for path in (release.constraints_path, release.essential_constraints_path)
    }
    (work_dir / CONSTRAINTS_DIR_NAME).mkdir(parents=True, exist_ok=True)
    for path in constraints:
        shutil.copyfile(path, work_dir / CONSTRAINTS_DIR_NAME / path.name)
    places = _Places({**mapping, work_dir: container_work_dir, **constraints})
    for copy_path in prepared.copies:
        _rewrite(copy_path, places)
    copies = {Path(places.value(str(copy_path))): source_path for copy_path, source_path in prepared.copies.items()}
    return replace(
        prepared,
        path=Path(places.value(str(prepared.path))),
        argv_tail=tuple(places.value(word) for word in prepared.argv_tail),
        copies={**copies, **{Path(place): path for path, place in constraints.items()}},
    )


class _Places:
    """Folders and files of this machine, and the paths by which a container knows them.

    They are told by what they are, not by their names: a path may lead to them by way of links and `..`.
    """

    def __init__(self, places: Mapping[Path, str]) -> None:
        self._places = {os.path.realpath(path): place.rstrip("/") for path, place in places.items()}

    def value(self, text: str) -> str:
        """Return a path or `file:` address as the container knows it; any other text as it is."""
        match = _PATH_START.match(text)
        edit = self._edit(text, match) if match else None
        return text if edit is None else text[: edit.start] + edit.new + text[edit.end :]

    def line(self, text: str) -> str:
        """Return a line with the container's paths in it."""
        parts, position = [], 0
        for match in _PATH_START.finditer(text):
            if match.end() >= position and (edit := self._edit(text, match)):
                parts += [text[position : edit.start], edit.new]
                position = edit.end
        return "".join([*parts, text[position:]])

    def _edit(self, text: str, match: re.Match[str]) -> Edit | None:
        """Return what to put in the place of the longest folder's name that begins there."""
        start = match.end()
        for end in reversed([found.start() for found in _NAME_END.finditer(text, start + 1)]):
            name = unquote(text[start:end]) if match["scheme"] else text[start:end]
            place = None if name.endswith("/") else self._places.get(_real(name))
            if place is not None:
                return Edit(start, end, quote(place) if match["scheme"] else place)
        return None


def _real(name: str) -> str:
    try:
        return os.path.realpath(name)
    except ValueError:  # text that cannot be the name of a file at all
        return ""


def _rewrite(copy_path: Path, places: _Places) -> None:
    """Put the container's paths into a copy. One that is no text was never rewritten: pip will say so."""
    content = copy_path.read_bytes()
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        text = content.removeprefix(mark).decode("utf-8")
    except UnicodeDecodeError:
        return
    copy_path.write_bytes(mark + _rewritten(text, places).encode("utf-8"))


def _rewritten(text: str, places: _Places) -> str:
    """Return the text of a copy with the container's paths.

    Options are read as pip reads them, since their values may be quoted. Other lines are taken as they stand: in the
    name of a folder of this machine, which pip is not to see, ` #` or ` -` means nothing.
    """
    lines = [line for line in requirements_file.logical_lines(text) if _holds_options(line.text)]
    text = requirements_file.replace(text, ((line, edit) for line in lines for edit in _edits(line.text, places)))
    return "".join(line if _holds_options(line) else places.line(line) for line in text.splitlines(keepends=True))


def _edits(line: str, places: _Places) -> Iterator[Edit]:
    for option in requirements_file.options(line):
        value = places.value(option.value)
        if value != option.value:
            yield Edit(option.start, option.end, requirements_file.quoted(option.prefix, value))


def _holds_options(line: str) -> bool:
    return line.lstrip().startswith("-")
