"""Install the requirements file as MWAA's containers do, with the real pip of the environment's interpreter.

MWAA runs `pip install --constraint ESSENTIAL_PINS -r FILE`, and adds `-c AIRFLOW_CONSTRAINTS` (releases from 2.7.2 on)
unless the file has `-c ` or `--constraint ` anywhere in a line, be it in a comment. `prepare` finds out what MWAA would
do and writes a copy of the file that can be installed here: the official constraints address of the release becomes
the catalogue's own file, so that it needs no network, and paths of MWAA's container become the project's.

Not for checking or resolving requirements without installing them, nor for deciding when to install.

Source: aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and
`bin/airflow-user/safe-pip-install`; MWAA user guide, "Installing Python dependencies".
"""

from __future__ import annotations

import codecs
import hashlib
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from mwaa_local import command, requirements_file
from mwaa_local.release import Release
from mwaa_local.requirements_file import Edit, Option

# pip is stopped after 9 minutes (aws/amazon-mwaa-docker-images, python/mwaa/utils/user_requirements.py); the user
# guide says about 10, since the clock is looked at once a minute.
REQUIREMENTS_INSTALL_TIMEOUT_S = 9 * 60
# Between SIGTERM and SIGKILL (aws/amazon-mwaa-docker-images, python/mwaa/subprocess/).
PIP_STOP_TIMEOUT_S = 90.0

REASON_LINES = 8  # of pip's own lines in a reason
REASON_LINE_CHARACTERS = 300

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # the only form that pip expands
_REMOTE = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


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


@dataclass(frozen=True)
class Installed:
    """pip ended well. `warnings` are its lines on packages already there that the new ones do not go with."""

    elapsed_s: float
    log_path: Path
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstallFailed:
    """pip failed, or was stopped. MWAA starts Airflow all the same, with the packages that were there before."""

    exit_code: int
    timed_out: bool
    elapsed_s: float
    log_path: Path
    reason: str  # one line or a few, pip's own where they say it


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

    A file that cannot be read is no error here: pip is the one to say so, and `install` passes it on.
    """
    known = {"AIRFLOW_VERSION": release.airflow_version, **(variables or {})}
    rewriter = _Rewriter(release, work_dir, _HomeMap(home_map or {}), known)
    top = rewriter.add(source_path)
    scanned_as_constrained = any(flag in top.text for flag in ("-c ", "--constraint "))
    inject = release.constraints_injected and not scanned_as_constrained
    argv_tail: list[str] = []
    if release.essential_constraints:
        argv_tail += ["--constraint", str(release.essential_constraints_path)]
    argv_tail += ["-r", str(top.path)]
    if inject:
        argv_tail += ["-c", str(release.constraints_path)]
    constraints = ConstraintSource.FROM_FILE if rewriter.has_constraints else ConstraintSource.NONE
    notes = [] if top.is_empty else _constraint_notes(release, inject, scanned_as_constrained, constraints)
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
    )


def install(
    prepared: PreparedRequirements,
    python_path: Path,
    env: Mapping[str, str],
    log_path: Path,
    on_line: Callable[[str], None] | None = None,
    *,
    cwd: Path | None = None,
    timeout_s: float = REQUIREMENTS_INSTALL_TIMEOUT_S,
) -> Installed | InstallFailed:
    """Run pip of that interpreter; its output goes to `log_path`, which starts empty, and line by line to `on_line`.

    `env` is the component's complete environment: `${NAME}` in the file and pip's own `PIP_…` variables come from
    there alone. `cwd` (default: the file's folder) stands for `/usr/local/airflow`, from where pip takes relative
    paths of packages. Lines name the user's file, not the copy, and hide passwords in addresses.

    Raises ToolMissing when there is no such interpreter.
    """
    pip_env = {**env, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    argv = [str(python_path), "-m", "pip", "install", *prepared.argv_tail]
    request = command.Request(argv, pip_env, cwd or prepared.source_path.parent, timeout_s, PIP_STOP_TIMEOUT_S)
    lines: list[str] = []
    with command.LineLog(log_path) as log:

        def take(line: str) -> None:
            shown = _show(line, prepared.copies)
            lines.append(shown)
            log.write(shown)
            if on_line is not None:
                on_line(shown)

        log.write(_show(f"pip install {shlex.join(prepared.argv_tail)}", prepared.copies))
        completed = command.run(request, on_line=take)
        log.write(f"Requirements installation time: {completed.elapsed_s:.2f} seconds.")
    if completed.ok:
        return Installed(completed.elapsed_s, log_path, tuple(_broken_packages(lines)))
    return InstallFailed(
        exit_code=completed.exit_code,
        timed_out=completed.timed_out,
        elapsed_s=completed.elapsed_s,
        log_path=log_path,
        reason=_time_out_reason(timeout_s) if completed.timed_out else _reason(prepared, lines, completed.exit_code),
    )


class _HomeMap:
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
class _Rewriter:
    """Copies a requirements file, and the local files it names, with the names of other files put right."""

    release: Release
    work_dir: Path
    home_map: _HomeMap
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
                yield Edit(option.start, option.end, _quoted(option.prefix, new))

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
        if option.name == "constraint":
            self.has_constraints = True
        value = self._expanded(option.value)
        if value in self.release.constraints_urls:
            return str(self.release.constraints_path)
        if _REMOTE.match(value):
            self._note_other_release(value)
            return option.value
        if _VARIABLE.match(value):
            return option.value  # may be an address or a full path; pip will see
        nested_path = folder / self.home_map.path(_local_path(value))
        if not _holds(nested_path.is_file):
            self._digest("missing", option.value)
            return str(nested_path.absolute())
        known = self._files.get(nested_path.resolve())
        return str(known or self.add(nested_path).path)

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


def _quoted(prefix: str, value: str) -> str:
    """Return an option's value as one word that pip's reader, which knows comments before quotes, takes whole."""
    if value.startswith("/") and "#" in value:
        value = Path(value).as_uri()
    return shlex.quote(prefix + value)


def _explain_encoding(path: Path, content: bytes, error: UnicodeDecodeError | LookupError) -> str:
    if isinstance(error, UnicodeDecodeError):
        line = content[: error.start].count(b"\n") + 1
        return f"{path}:{line}: not {error.encoding} text (byte 0x{content[error.start]:02x}); save it as UTF-8"
    return f"{path}: its coding comment names an encoding that Python does not know ({error}); save it as UTF-8"


def _constraint_notes(release: Release, inject: bool, scanned: bool, effective: ConstraintSource) -> list[str]:
    version = release.airflow_version
    if inject and effective is ConstraintSource.FROM_FILE:
        return [
            f"MWAA adds the constraints of Airflow {version} to those of the file, since it only looks for "
            "`-c ` or `--constraint ` with a blank, in the requirements file itself"
        ]
    if inject:
        return [f"the file names no constraints, so MWAA adds those of Airflow {version}"]
    if scanned and effective is ConstraintSource.NONE and release.constraints_injected:
        return [
            "text that looks like `-c ` or `--constraint ` keeps MWAA from adding the constraints of "
            f"Airflow {version}; only the essential pins hold"
        ]
    return []


def _digest(release: Release, inject: bool, parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    pins = "\n".join(f"{name}=={version}" for name, version in sorted(release.essential_constraints.items()))
    constraints = release.constraints_path.read_bytes()
    for part in (release.airflow_version.encode(), pins.encode(), str(inject).encode(), constraints, *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
# A retry that broke with none left, or an error that says so; a retry in between may have been followed by success.
_UNREACHABLE = re.compile(r"Retry\(total=0,|Max retries exceeded|Failed to connect to|Unable to fetch ")
_ERROR = re.compile(r"(?:ERROR: |\s*\u00d7 )")  # the multiplication sign of pip's longer reports
_HELP = re.compile(r"ERROR: ResolutionImpossible")
_PLACE = re.compile(r"\(from line \d+ of .+\)$")
_BROKEN = re.compile(r"\S+ \S+ (?:requires .+, (?:but you have|which is not installed)|has requirement .+)")


def _show(line: str, copies: Mapping[Path, Path]) -> str:
    for copy_path, source_path in copies.items():
        line = line.replace(str(copy_path), str(source_path))
    return _PASSWORD.sub(r"\1****@", line)


def _broken_packages(lines: Iterable[str]) -> Iterator[str]:
    return (line.strip() for line in lines if _BROKEN.match(line.strip()))


def _time_out_reason(timeout_s: float) -> str:
    limit = REQUIREMENTS_INSTALL_TIMEOUT_S // 60
    return f"pip still ran after {timeout_s:g} s and was stopped; MWAA allows {limit} minutes for all requirements"


def _reason(prepared: PreparedRequirements, lines: list[str], exit_code: int) -> str:
    said = "\n".join(lines)
    if prepared.unreadable:
        return prepared.unreadable
    if "No module named pip" in said:
        return "the interpreter has no pip; the virtual environment is incomplete"
    if "No space left on device" in said:
        return "no space left on the disk while pip was installing"
    errors = _errors(lines)
    if _UNREACHABLE.search(said):
        return _cut(
            ["the package index, or another address that was named, could not be reached", *_evidence(said, errors)]
        )
    if conflict := _conflict(lines):
        return _cut(conflict)
    if errors:
        return _cut(errors)
    return _cut([line for line in lines if line.strip()][-2:]) or f"pip ended with exit code {exit_code}"


def _evidence(said: str, errors: list[str]) -> list[str]:
    """Return what shows that an address could not be reached; a conflict is then only what follows from it."""
    told = [error for error in errors if not error.startswith("ERROR: Cannot install")]
    numbered = re.findall(r"\[Errno -?\d+\] [\w ]+", said)
    return [*told[-1:], *(numbered[-1:] if not told else [])]


def _errors(lines: list[str]) -> list[str]:
    """Return pip's error lines; newer pips name file and line only below a drawing of the error's place."""
    errors: list[str] = []
    inside = False
    for line in lines:
        if _ERROR.match(line):
            inside = not _HELP.match(line)
            if inside:
                errors.append(line)
        elif not line.startswith(" "):
            inside = False
        elif inside and (place := _PLACE.search(line)) and place[0] not in errors[-1]:
            errors[-1] += f" {place[0]}"
    return errors


def _conflict(lines: list[str]) -> list[str]:
    """Return pip's lines on a conflict: what cannot be installed together, and which requirements cause it."""
    starts = [number for number, line in enumerate(lines) if line.startswith("The conflict is caused by:")]
    if not starts:
        return []
    causes = []
    for line in lines[starts[-1] + 1 :]:
        if not line.startswith(" "):
            break
        causes.append(line)
    head = [line for line in lines[: starts[-1]] if line.startswith("ERROR: Cannot install")]
    return [*head[-1:], "The conflict is caused by:", *causes]


def _cut(lines: list[str]) -> str:
    """Return the lines as one text without pip's marks of an error, each once, none too long and not too many."""
    kept = list(dict.fromkeys(_ERROR.sub("", line, count=1).rstrip() for line in lines))
    short = [line if len(line) <= REASON_LINE_CHARACTERS else line[:REASON_LINE_CHARACTERS] + "…" for line in kept]
    more = [f"… {len(short) - REASON_LINES} more lines in the log"] if len(short) > REASON_LINES else []
    return "\n".join([*short[:REASON_LINES], *more])
