"""What the rules on plugins look at: entries as they were meant, sources read once, and how much was read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from mwaa_local.check.plugins.files import FILE, FOLDER, Entry, EntryDamaged, EntryUnreadable, Plugins
from mwaa_local.check.plugins.ignoring import IGNORE_FILE, IgnoreRules, is_glob
from mwaa_local.check.plugins.modules import Module, NotParsed, read_module
from mwaa_local.finding import ERROR, NOTE, Finding
from mwaa_local.release import Release

# What is read. Sources that people write are far smaller, and a library's beginning names what it needs.
MAX_SOURCE_BYTES = 2 * 1024 * 1024
MAX_BINARY_BYTES = 16 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024

TOP_FOLDER = "plugins"
MACOS_FOLDER, MACOS_FILE, MACOS_PREFIX = "__MACOSX", ".DS_Store", "._"
BYTECODE_FOLDER, BYTECODE_SUFFIXES = "__pycache__", (".pyc", ".pyo")
WHEEL_SUFFIX, SOURCE_SUFFIX = ".whl", ".py"
HOW_TO_ZIP = "cd plugins && zip -r ../plugins.zip ."


@dataclass
class Survey:
    """All entries, seen for one release. `read_bytes` counts what was unpacked, `unread` says what was not."""

    plugins: Plugins
    release: Release
    ignore_syntax: str = ""  # core.dag_ignore_file_syntax, where the environment sets it
    read_bytes: int = 0
    unread: list[Finding] = field(default_factory=list)

    def finding(
        self, rule: str, severity: str, entry: Entry | None, what: str, why: str = "", hint: str = "", line: int = 0
    ) -> Finding:
        path = self.plugins.path.as_posix()
        if entry is not None:
            path += f"/{printable(entry.name.lstrip('/'))}"
        return Finding(rule, severity, path, line, printable(what), printable(why), hint)

    @cached_property
    def files(self) -> tuple[Entry, ...]:
        """Files that somebody meant to be there."""
        return tuple(entry for entry in self.plugins.entries if entry.kind == FILE and not is_junk(entry))

    @cached_property
    def is_wrapped(self) -> bool:
        """Whether everything lies in one folder `plugins/`."""
        kept = [entry for entry in self.plugins.entries if entry.kind != FOLDER and not is_junk(entry)]
        return bool(kept) and all(entry.parts[0] == TOP_FOLDER and len(entry.parts) > 1 for entry in kept)

    def place(self, entry: Entry) -> tuple[str, ...]:
        """Return the parts of the name below the folder that was meant to be the top."""
        return entry.parts[1:] if self.is_wrapped else entry.parts

    @cached_property
    def modules(self) -> dict[Entry, Module | NotParsed]:
        """Every source that could be read."""
        modules = {}
        for entry in self.files:
            if entry.name.endswith(SOURCE_SUFFIX) and (source := self._read_source(entry)) is not None:
                modules[entry] = read_module(source, self.release.python_version)
        return modules

    @cached_property
    def parsed(self) -> dict[Entry, Module]:
        return {entry: module for entry, module in self.modules.items() if isinstance(module, Module)}

    @cached_property
    def _ignore_rules(self) -> IgnoreRules:
        found = {entry.parts[:-1]: self._read_source(entry) for entry in self.files if entry.parts[-1] == IGNORE_FILE}
        texts = {folder: (text or b"").decode("utf-8", "replace") for folder, text in found.items()}
        return IgnoreRules.of(texts, self.release, self.ignore_syntax)

    def is_loaded(self, entry: Entry) -> bool:
        """Whether Airflow's loader runs the file: unless an .airflowignore excludes it."""
        return not self._ignore_rules.ignores(entry.parts)

    def ignore_line(self, place: tuple[str, ...]) -> str:
        """Return the line of an .airflowignore for a file, or for the folder at the top that it lies in."""
        text = f"{place[0]}/" if len(place) > 1 else place[0]
        return text if is_glob(self.release, self.ignore_syntax) else f"^{re.escape(text)}"

    def _read_source(self, entry: Entry) -> bytes | None:
        """Return the file; None, and a finding, where it is not to be had or larger than a source is."""
        content = self.begin(entry, MAX_SOURCE_BYTES + 1)
        if content is None or len(content) <= MAX_SOURCE_BYTES:
            return content
        self._not_read(entry, f"it is larger than {megabytes(MAX_SOURCE_BYTES)}, very large for a source")
        return None

    def begin(self, entry: Entry, limit: int) -> bytes | None:
        """Return at most `limit` bytes of the file's beginning; None, and a finding, where it cannot be read."""
        if entry.is_encrypted:
            return None
        if self.read_bytes >= MAX_TOTAL_BYTES:
            self._not_read(entry, f"this check reads {megabytes(MAX_TOTAL_BYTES)} in all, and has")
            return None
        try:
            content = entry.read(limit)
        except EntryDamaged as error:
            what = "the zip is damaged at this file and cannot be unpacked"
            self.unread.append(self.finding("damaged", ERROR, entry, what, str(error), f"make it anew: {HOW_TO_ZIP}"))
            return None
        except EntryUnreadable as error:
            self._not_read(entry, str(error))
            return None
        self.read_bytes += len(content)
        return content

    def _not_read(self, entry: Entry, why: str) -> None:
        self.unread.append(self.finding("not-read", NOTE, entry, "this file was not read", f"{why}."))


def is_macos_junk(entry: Entry) -> bool:
    last = entry.parts[-1] if entry.parts else ""
    return MACOS_FOLDER in entry.parts or last == MACOS_FILE or last.startswith(MACOS_PREFIX)


def is_bytecode(entry: Entry) -> bool:
    return entry.name.endswith(BYTECODE_SUFFIXES) or BYTECODE_FOLDER in entry.parts


def is_junk(entry: Entry) -> bool:
    return not entry.parts or is_macos_junk(entry) or is_bytecode(entry)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"


def printable(text: str) -> str:
    """Return the text with what a terminal would act upon, or cannot encode, as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )
