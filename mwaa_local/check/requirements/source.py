"""A requirements file taken apart for one release: packages asked for, options that go with them, and all the pins.

In this form any part of it can be resolved by itself, which is how a conflict is found (`conflicts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.image_wheels import write_image_wheels
from mwaa_local.check.requirements.line_syntax import CONSTRAINT, FIND_LINKS, REQUIREMENT, expand
from mwaa_local.check.requirements.lines import PACKAGE, Entry, Line, LocalPath, Unreadable, read
from mwaa_local.check.requirements.resolver import Question
from mwaa_local.check.requirements.rule import applies
from mwaa_local.check.requirements.startup_exports import Exported
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.masking import Mask
from mwaa_local.project import Project
from mwaa_local.release import PinFile, Release
from mwaa_local.requirements import text as requirements_file
from mwaa_local.requirements.copy import HomeMap
from mwaa_local.requirements.prepare import ConstraintSource, PreparedRequirements, prepare

# pip takes name and extras of an editable repository from the fragment (pip's documentation, "VCS Support").
_EDITABLE_VCS = re.compile(
    r"(?:-e|--editable)[ =]*(?P<url>[a-z]+\+[^\s#]+)#(?:\S*&)?egg=(?P<name>[\w.-]+(?:\[[^]]*\])?)"
)
NOTHING_EXPORTED = Exported()
INDEX_URL = "index-url"
SETTINGS_NAME = "pip-settings.txt"
ESSENTIAL_ORIGIN = "MWAA's essential pins"


@dataclass(frozen=True)
class Pin:
    """One line of constraints, and what to call the place it comes from."""

    name: str
    text: str  # "pandas==3.0.5"
    origin: str
    is_of_file: bool = False  # of a line of the user's, which `origin` then names


@dataclass(frozen=True)
class Source:
    """What pip is given on MWAA for one requirements file."""

    path: str  # as the user knows it
    entries: tuple[Entry, ...]
    packages: tuple[Line, ...]  # lines that ask for a package
    pins: tuple[Pin, ...]
    prepared: PreparedRequirements
    _texts: Mapping[tuple[str, int], str]  # (file, line) -> its text with paths of this machine
    _variables: Mapping[str, str]
    options: tuple[str, ...]  # lines without a package: indexes, places to find packages
    _work_dir: Path
    settings: tuple[Line, ...] = ()  # what pip's settings out of the startup script say, as lines before the file's
    settings_argv: tuple[str, ...] = ()  # for pip itself, which gets the same before the file
    settings_digest: str = ""
    mask: Mask = field(default_factory=Mask)  # of what the startup script exports
    seen_map: Mapping[str, Path] = field(default_factory=dict)  # folders that components see -> where they are here
    script: str = field(default="", repr=False)  # the startup script's text

    def question(
        self, packages: Sequence[Line | str], pins: Sequence[Pin], installed: Mapping[str, str], name: str
    ) -> Question:
        """Return what to ask the resolver about these lines (or texts in place of lines) under these pins."""
        texts = [item if isinstance(item, str) else self.text(item) for item in packages]
        requirements_path = self._write(f"{name}.txt", [*self.options, *texts])
        constraints_path = self._write(f"{name}-constraints.txt", [pin.text for pin in pins])
        return Question(
            [requirements_path], [constraints_path], installed, options=self.options, direct=_direct(packages)
        )

    def text(self, line: Line) -> str:
        """Return a line's text such that it means here what it means on MWAA.

        Variables are filled in, which uv does in addresses only. The text may hold secrets.
        """
        text = expand(self._texts.get((line.path, line.number), line.text), self._variables)
        return _as_direct(text) if line.is_editable and line.url else text

    @property
    def index_url(self) -> str:
        """The index that is named in place of the usual one, "" for none; with several, pip takes the last."""
        return next(reversed(self.values(INDEX_URL)), "")

    def values(self, option: str) -> list[str]:
        """Return an option's values, those of the file last."""
        lines = (*self.settings, *(entry for entry in self.entries if isinstance(entry, Line)))
        return [value for line in lines for value in line.values(option)]

    @property
    def refused(self) -> tuple[Line, ...]:
        """Lines that pip cannot read; it then installs nothing at all."""
        return tuple(entry for entry in self.entries if isinstance(entry, Line) and entry.problem)

    @property
    def missing(self) -> tuple[Line, ...]:
        """Lines that name a file of requirements or constraints which is not there; pip then installs nothing."""
        lines = (entry for entry in self.entries if isinstance(entry, Line))
        return tuple(
            line
            for line in lines
            if any(
                local.role in (REQUIREMENT, CONSTRAINT) and not _is_there(local, self.seen_map)
                for local in line.local_paths
            )
        )

    @property
    def made_by_script(self) -> tuple[Line, ...]:
        """Lines that name a file of the container which is not here, and which the startup script speaks of."""
        lines = (entry for entry in self.entries if isinstance(entry, Line))
        return tuple(line for line in lines if any(map(self._is_made_by_script, line.local_paths)))

    def _is_made_by_script(self, local: LocalPath) -> bool:
        path = PurePosixPath(local.mwaa_path)
        is_of_bucket = any(path.is_relative_to(MWAA_HOME_DIR / name) for name in ("dags", "plugins"))
        is_needed = local.role in (REQUIREMENT, CONSTRAINT, PACKAGE) and not _is_there(local, self.seen_map)
        return is_needed and path.is_absolute() and not is_of_bucket and path.name in self.script

    def names_nothing(self, line: Line) -> bool:
        """Whether the line names a file or folder of its own package that is not there."""
        return names_nothing(line, self.seen_map)

    @property
    def unreadable(self) -> Unreadable | None:
        return next((entry for entry in self.entries if isinstance(entry, Unreadable)), None)

    def _write(self, name: str, lines: Iterable[str]) -> Path:
        path = self._work_dir / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path


def take_apart(
    project: Project,
    path: Path,
    release: Release,
    work_dir: Path,
    variables: Mapping[str, str],
    exported: Exported = NOTHING_EXPORTED,
) -> Source:
    """Return the file as pip on MWAA takes it. Writes copies and questions below `work_dir`.

    `variables` are those that the container has before the startup script runs, which leaves `exported`.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    known = {**variables, **own_variables(release), **exported.variables}
    entries = read(path, project.root_dir, project.delivery.by_seen_path, known)
    # What the script has put into its home is there for the file's lines, too.
    seen_map = _seen_map(project, exported)
    prepared = prepare(path, release, work_dir / "copies", home_map=seen_map, variables=known)
    given = settings_of(project, release, work_dir / "settings", exported)
    texts = {**dict(_rewritten(prepared, project.root_dir.absolute())), **given.texts}
    lines = [*given.lines, *(entry for entry in entries if isinstance(entry, Line))]
    options = [text for line in _options(lines, release) for text in _option_texts(line, texts, known, seen_map)]
    if any(line.values("no-index") for line in lines):
        write_image_wheels(work_dir / "image", release)
        options.append(f"--find-links {work_dir / 'image'}")
    return Source(
        path=_shown(path, project.root_dir.absolute()),
        entries=entries,
        packages=tuple(line for line in lines if _asks_for_package(line, release, seen_map)),
        pins=_pins(release, prepared, lines),
        prepared=prepared,
        _texts=texts,
        _variables=known,
        options=tuple(options),
        _work_dir=work_dir,
        settings=given.lines,
        settings_argv=given.argv,
        settings_digest=given.digest,
        mask=exported.mask,
        seen_map=seen_map,
        script=_script_of(project),
    )


def names_nothing(line: Line, seen_map: Mapping[str, Path]) -> bool:
    """Whether the line names a file or folder of its own package that is not there."""
    return any(local.role == PACKAGE and not _is_there(local, seen_map) for local in line.local_paths)


def _script_of(project: Project) -> str:
    try:
        return project.startup_script_path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _asks_for_package(line: Line, release: Release, seen_map: Mapping[str, Path]) -> bool:
    """Whether pip looks for a package; not for one whose file is not there, where the line's marker does not hold."""
    is_passed_over = names_nothing(line, seen_map) and not applies(line.marker, release)
    return line.is_package and not line.problem and not is_passed_over


def _options(lines: Sequence[Line], release: Release) -> Iterator[Line]:
    """Yield the lines that neither ask for a package nor stand for other lines, which are here in their place."""
    for line in lines:
        is_other = line.problem or line.is_package or line.is_constraint or line.is_open
        if not is_other and not _is_replaced(line, release):
            yield line


def _option_texts(
    line: Line, texts: Mapping[tuple[str, int], str], variables: Mapping[str, str], home_map: Mapping[str, Path]
) -> Iterator[str]:
    """Yield a line of options as uv is to read it.

    Without places that are not there, which pip passes over, and without the index, of which pip takes the last that is
    named and uv only one: it gets that by its configuration.
    """
    lost = any(local.role == FIND_LINKS and not _is_there(local, home_map) for local in line.local_paths)
    left_out = (INDEX_URL, *((FIND_LINKS,) if lost else ()))
    if any(given.name in left_out for given in line.options):
        yield from (f"--{given.name} {given.value}".rstrip() for given in line.options if given.name not in left_out)
    else:
        yield expand(texts.get((line.path, line.number), line.text), variables)


def _is_there(local: LocalPath, home_map: Mapping[str, Path]) -> bool:
    """Whether a path is in the project, or in the home that the startup script has left."""
    return local.exists or Path(HomeMap(home_map).path(local.mwaa_path)).exists()


def own_variables(release: Release) -> dict[str, str]:
    """Return the variables of MWAA's image that differ from release to release (amazon-mwaa-docker-images)."""
    return {"AIRFLOW_VERSION": release.airflow_version, "PYTHON_VERSION": release.python_full_version}


@dataclass(frozen=True)
class Settings:
    """What pip's settings say, as a file of their own; without what names a file that is not there."""

    lines: tuple[Line, ...] = ()
    texts: Mapping[tuple[str, int], str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    digest: str = ""


def settings_of(project: Project, release: Release, work_dir: Path, exported: Exported) -> Settings:
    """Return what the startup script has told pip. Writes below `work_dir`, which must not be there yet."""
    if not exported.lines:
        return Settings()
    work_dir.mkdir(mode=0o700)
    home_map = _seen_map(project, exported)
    path, root_dir = work_dir / SETTINGS_NAME, project.root_dir.absolute()
    path.write_text("".join(f"{line}\n" for line in exported.lines), encoding="utf-8")
    read_lines = [entry for entry in read(path, root_dir, home_map, {}) if isinstance(entry, Line)]
    lost = {line.text for line in read_lines if any(not local.exists for local in line.local_paths)}
    kept = [line for line in exported.lines if line not in lost]
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    lines = [entry for entry in read(path, root_dir, home_map, {}) if isinstance(entry, Line)]
    prepared = prepare(path, release, work_dir / "copies", home_map=home_map)
    return Settings(tuple(lines), dict(_rewritten(prepared, root_dir)), ("-r", str(prepared.path)), prepared.digest)


def _seen_map(project: Project, exported: Exported) -> dict[str, Path]:
    """Return what stands for paths of MWAA's home: the project's folders, and the home in which the script ran."""
    own = {str(MWAA_HOME_DIR): exported.home_dir} if exported.home_dir else {}
    return {**project.delivery.by_seen_path, **own}


def _as_direct(text: str) -> str:
    """Return `-e git+https://…#egg=name` in the form `name @ git+https://…`: uv knows no editable repositories.

    What pip installs of them is the same, as a link to a clone of its own.
    """
    match = _EDITABLE_VCS.match(text)
    return f"{match['name']} @ {match['url']}" if match else text


def _direct(packages: Sequence[Line | str]) -> dict[str, str]:
    """Return {name: requirement} of the lines that name a package of an index."""
    wanted = [Requirement(item) if isinstance(item, str) else item.requirement for item in packages]
    return {canonicalize_name(item.name): str(item) for item in wanted if item is not None and not item.url}


def _is_replaced(line: Line, release: Release) -> bool:
    """Whether the line names a file whose lines are here in its place."""
    if any(release.named_by(value) for value in line.values(CONSTRAINT)):
        return True
    return any(local.role in (REQUIREMENT, CONSTRAINT) and local.exists for local in line.local_paths)


def _pins(release: Release, prepared: PreparedRequirements, lines: Sequence[Line]) -> tuple[Pin, ...]:
    """Return all constraints, each once, with the place that MWAA would name first."""
    found: dict[str, Pin] = {}
    for pin in _all_pins(release, prepared, lines):
        found.setdefault(pin.text, pin)
    return tuple(found.values())


def _all_pins(release: Release, prepared: PreparedRequirements, lines: Sequence[Line]) -> Iterator[Pin]:
    for name, version in release.essential_constraints.items():
        yield Pin(name, f"{name}=={version}", ESSENTIAL_ORIGIN)
    injected = [release] if prepared.constraints is ConstraintSource.INJECTED else []
    written = (release.named_by(value) for line in lines for value in line.values(CONSTRAINT))
    for named in filter(None, (*injected, *written)):
        for name, version in PinFile(named.constraints_path).items():
            yield Pin(name, f"{name}=={version}", f"the constraints of Airflow {named.airflow_version}")
    for line in lines:
        if line.is_constraint and line.requirement is not None:
            yield Pin(line.name, str(line.requirement), f"{line.path}:{line.number}", is_of_file=True)


def _rewritten(prepared: PreparedRequirements, root_dir: Path) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield the lines of the copies, which have the numbers of the originals."""
    for copy_path, source_path in prepared.copies.items():
        try:
            text = requirements_file.decode(copy_path.read_bytes())
        except (OSError, UnicodeDecodeError, LookupError):
            continue
        for logical in requirements_file.logical_lines(text):
            number = text.count("\n", 0, logical.offsets[0]) + 1
            yield (_shown(source_path, root_dir), number), logical.text.strip()


def _shown(path: Path, root_dir: Path) -> str:
    absolute = path.absolute()
    return str(absolute.relative_to(root_dir) if absolute.is_relative_to(root_dir) else absolute)
