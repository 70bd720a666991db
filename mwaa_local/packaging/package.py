"""Make the package: resolve, fetch, build, write, prove. Each way that this can end is a type."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

from mwaa_local.cache.users import CHECK, User
from mwaa_local.check.requirements import rules
from mwaa_local.check.requirements.changes import changed
from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.replaced import AIRFLOW
from mwaa_local.check.requirements.resolver import Package, Resolved
from mwaa_local.check.requirements.verdict import Checked, SourceOnly
from mwaa_local.errors import MwaaLocalError, disk_error
from mwaa_local.finding import ERROR
from mwaa_local.packages import PackageStore
from mwaa_local.packaging.archive import plugin_files, write_zip
from mwaa_local.packaging.building import build_wheel
from mwaa_local.packaging.choice import File, choose, is_pure
from mwaa_local.packaging.download import Downloads, sha256
from mwaa_local.packaging.listing import requirements_text
from mwaa_local.packaging.locking import FileResolver
from mwaa_local.packaging.proof import Disproved, NotTried, Proof, prove
from mwaa_local.release import Release
from mwaa_local.requirements.prepare import ConstraintSource
from mwaa_local.scratch import scratch_folder
from mwaa_local.steps import Say, Steps

ZIP_NAME, REQUIREMENTS_NAME = "plugins.zip", "packaged_requirements.txt"
# An error for a file that is uploaded as it is. Here the file that is named goes into the zip.
SOLVED_HERE = "local-path"


class OutputRefused(MwaaLocalError):
    """The package cannot be written where it was to go."""


class PluginsClash(MwaaLocalError):
    """The user's plugins and the packages have a file of the same name."""

    exit_code = 1


class HashMismatch(MwaaLocalError):
    """A file matches none of the hashes that the requirements file lists."""

    exit_code = 1


@dataclass(frozen=True)
class Order:
    """What is to be made, and from what."""

    check: RequirementsCheck
    release: Release
    output_dir: Path
    cache_dir: Path
    with_proof: bool = True


@dataclass(frozen=True)
class PackedWheel:
    """One wheel in the zip."""

    name: str
    version: str
    filename: str
    size_bytes: int
    is_built: bool  # here, from source


@dataclass(frozen=True)
class Packaged:
    """The two files are written."""

    zip_path: Path
    requirements_path: Path
    wheels: tuple[PackedWheel, ...]
    plugin_count: int  # files of the user's own
    zip_bytes: int
    zip_digest: str  # SHA-256
    proof: Proof

    @property
    def works(self) -> bool:
        return not isinstance(self.proof, Disproved)


@dataclass(frozen=True)
class Refusal:
    """The requirements do not work on MWAA, or nothing is known of them; nothing was written."""

    checked: Checked


@dataclass(frozen=True)
class Incomplete:
    """No wheel for MWAA was found or built for these packages; nothing was written."""

    packages: tuple[SourceOnly, ...]


def make_package(order: Order, steps: Steps) -> Packaged | Refusal | Incomplete:
    """Make plugins.zip and packaged_requirements.txt in the output folder, and prove them.

    Nothing else of the user's is changed. Raises an MwaaLocalError for what keeps this from being done at all.
    """
    project = order.check.project
    _refuse_output(order.output_dir, project.plugins_dir, order.check.path)
    own = plugin_files(project.plugins_dir)
    project.make_state_dir()
    # On the project's disk: the machine's place for temporary files may be small.
    with scratch_folder("package-", project.state_dir) as folder:
        work = _Work(order, folder)
        if editable := tuple(work.editable()):
            return Incomplete(editable)
        resolution = steps.do("requirements", work.resolve)
        if isinstance(resolution, Checked):
            return Refusal(resolution)
        files, without = choose(resolution, work.resolver.locked(resolution, work.source), order.release)
        if without:
            return Incomplete(without)
        paths = steps.do("wheels", lambda say: work.fetch(files, say)) if files else {}
        wheels = steps.do("builds", lambda say: work.built(paths, say))
        if failed := tuple(item for item in wheels.values() if isinstance(item, SourceOnly)):
            return Incomplete(failed)
        ready = {file: path for file, path in wheels.items() if isinstance(path, Path)}
        written = _write(order, own, ready, work.is_held_by_constraints())
    return steps.do("proof", lambda say: _proved(order, written, say))


@dataclass
class _Work:
    """One run of the command, with files below `folder`."""

    order: Order
    folder: Path

    def __post_init__(self) -> None:
        check, release = self.order.check, self.order.release
        self.source, self.resolver = check.parts(release, self.folder, check.exported(release), FileResolver)

    @property
    def lines(self) -> list[Line]:
        return [entry for entry in self.source.entries if isinstance(entry, Line)]

    def resolve(self, _say: Say) -> Mapping[str, Package] | Checked:
        """Return what has to be in the zip, or what `check requirements` says where that would not work."""
        check, release, source = self.order.check, self.order.release, self.source
        found = rules.findings(source.entries, release)
        if source.unreadable or any(item.severity == ERROR and item.rule != SOLVED_HERE for item in found):
            return check.check(release)
        if not source.packages:
            return {}
        question = source.question(source.packages, source.pins, release.packages.base, "all")
        answer = self.resolver.resolve(question)
        if source.refused or source.missing or not isinstance(answer, Resolved):
            return check.check(release)
        packages = changed(answer.packages, release)
        return check.check(release) if AIRFLOW in packages else packages

    def editable(self) -> Iterator[SourceOnly]:
        """Yield packages that are to be installed as links to their source, which is not there on MWAA."""
        for line in self.source.packages:
            if line.is_editable:
                why = "an editable install leads to a folder that MWAA does not have"
                yield SourceOnly(line.name or f"{line.path}:{line.number}", "", why)

    def fetch(self, files: Iterable[File], say: Say) -> dict[File, Path]:
        lines = [*self.source.settings, *self.lines]
        downloads = Downloads(self.folder / "files", self.order.check.env, lines, self.folder / "uv")
        paths = downloads.fetch_all(files, say)
        for file, path in paths.items():
            _compare_hashes(file, path, self.source.packages)
        return paths

    def built(self, paths: Mapping[File, Path], say: Say) -> dict[File, Path | SourceOnly]:
        """Return the wheel of each package, built where there is none, or why that fails."""
        wheels: dict[File, Path | SourceOnly] = {}
        for file, path in paths.items():
            wheels[file] = path if file.is_wheel else self._build(file, path, say)
        return wheels

    def _build(self, file: File, archive: Path, say: Say) -> Path | SourceOnly:
        say(f"{file.name} {file.version} has no wheel for MWAA; building one")
        target_dir = self.folder / "built" / file.name
        built = build_wheel(archive, target_dir, self.order.release, self.order.check.env)
        return built if isinstance(built, Path) else SourceOnly(file.name, file.version, built)

    def is_held_by_constraints(self) -> bool:
        """Whether Airflow's own constraints held while resolving."""
        official = self.order.release.constraints_urls
        named = any(value in official for line in self.lines for value in line.values("constraint"))
        return named or self.source.prepared.constraints is ConstraintSource.INJECTED


def _compare_hashes(file: File, path: Path, lines: Iterable[Line]) -> None:
    """Raise HashMismatch unless the file is one of those that the requirements file lists, where it lists any."""
    for line in lines:
        if line.name != file.name or not line.hashes:
            continue
        with path.open("rb") as content:
            named = dict.fromkeys(text.partition(":")[0] for text in line.hashes)
            digests = {f"{name}:{_digest(content, name)}" for name in named if name in hashlib.algorithms_available}
        if digests.isdisjoint(line.hashes):
            raise HashMismatch(
                f"{line.path}:{line.number}: {file.filename} has none of the hashes listed for {file.name}",
                "pip would refuse the file.",
                "list the hash of this file, or find out why it changed",
            )


def _digest(content: BufferedReader, name: str) -> str:
    content.seek(0)
    return hashlib.file_digest(content, name).hexdigest()


def _write(order: Order, own: Mapping[str, Path], wheels: Mapping[File, Path], held: bool) -> Packaged:
    packed = {path.name: path for path in wheels.values()}
    for name in packed.keys() & own.keys():
        if sha256(packed[name]) != sha256(own[name]):
            raise PluginsClash(
                f"plugins/{name} is not the file of that name that the requirements ask for",
                "The zip can have only one of them.",
                f"remove plugins/{name}, or name the plugins folder with --find-links and --no-index to have it taken",
            )
    try:
        order.output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        known = disk_error(error, order.output_dir)
        if isinstance(known, MwaaLocalError):
            raise known from error
        raise OutputRefused(f"{order.output_dir} cannot be made", str(error), "name another folder") from error
    zip_path, requirements_path = order.output_dir / ZIP_NAME, order.output_dir / REQUIREMENTS_NAME
    write_zip(zip_path, {**own, **packed})
    text = requirements_text(wheels, order.release, held_by_constraints=held)
    partial = requirements_path.with_name(f".{REQUIREMENTS_NAME}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(requirements_path)
    finally:
        partial.unlink(missing_ok=True)
    return Packaged(
        zip_path=zip_path,
        requirements_path=requirements_path,
        wheels=tuple(
            PackedWheel(file.name, file.version, path.name, path.stat().st_size, not file.is_wheel)
            for file, path in wheels.items()
        ),
        plugin_count=len(own.keys() - packed.keys()),
        zip_bytes=zip_path.stat().st_size,
        zip_digest=sha256(zip_path),
        proof=NotTried("it was not asked for"),
    )


def _proved(order: Order, written: Packaged, say: Say) -> Packaged:
    if not order.with_proof:
        return written
    pure = all(is_pure(wheel.filename) for wheel in written.wheels)
    store = PackageStore(order.cache_dir, order.check.env, User(order.cache_dir, order.check.project, CHECK))
    proof = prove(written.zip_path, written.requirements_path, order.release, store, is_pure=pure, say=say)
    return replace(written, proof=proof)


def _refuse_output(output_dir: Path, plugins_dir: Path, source_path: Path) -> None:
    """Raise OutputRefused for a folder that is packed itself, or is none, and where a file would be lost."""
    for path in (output_dir / ZIP_NAME, output_dir / REQUIREMENTS_NAME):
        if path.is_dir():
            raise OutputRefused(f"{path} is a folder", "The output needs this name.", "move it, or --output")
        if path.exists() and path.samefile(source_path):
            raise OutputRefused(
                f"{path} is an input of the package",
                "The output would replace it.",
                "name another folder with --output",
            )
    if output_dir.exists() and not output_dir.is_dir():
        raise OutputRefused(f"{output_dir} is no folder", "The package needs one.", "name a folder with --output")
    if output_dir.resolve().is_relative_to(plugins_dir.resolve()):
        raise OutputRefused(
            f"{output_dir} is in the plugins folder",
            "The zip would contain itself.",
            "name another folder with --output",
        )
