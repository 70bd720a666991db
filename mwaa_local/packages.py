"""A release's package set as a virtual environment: built once by uv, shared by all projects, cloned to be changed.

Not for the user's requirements: `requirements` installs those, into a clone made here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.cache import locks
from mwaa_local.cache.kept import DIGEST, RELEASE, CacheKind, is_file, is_virtual_environment
from mwaa_local.cache.users import User
from mwaa_local.command import Completed, Request, run
from mwaa_local.errors import DiskFull, PackagesUnavailable, PythonUnavailable, line_on_full_disk, reason
from mwaa_local.interpreters import stand_in_hint, stand_in_note
from mwaa_local.network import build_env
from mwaa_local.release import Release

SUPPORT_DIR = Path(__file__).parent / "guest" / "site_packages"
COMPLETE_NAME = "mwaa-local.json"
DOWNLOAD_TIMEOUT_S = 300.0
DOWNLOAD_RETRY_S = 24 * 3600.0
INSTALL_TIMEOUT_S = 1800.0  # a slow index may take its time; a dead one ends uv much sooner by itself
# Raised when what an environment holds changes for reasons other than its packages.
FORMAT = 2


def _is_whole(path: Path) -> bool:
    return (path / COMPLETE_NAME).is_file()


KEPT = CacheKind("packages", "environments", f"(?P<item>{RELEASE}-{DIGEST})", is_virtual_environment, _is_whole)
# Minutes or a day old, and then without effect.
KEPT_FAILURES = CacheKind("failed download", "", r"python-\d+\.\d+-not-downloaded", is_file, is_leftover=True)


@dataclass(frozen=True)
class PythonEnvironment:
    """A virtual environment with a release's packages.

    `note` is for the user: which Python is used instead of MWAA's, "" for none; `hint` says how to get the right one.
    """

    dir: Path
    python_version: str
    digest: str
    note: str = ""
    hint: str = ""

    @property
    def python_path(self) -> Path:
        return self.dir / "bin" / "python"

    @property
    def bin_dir(self) -> Path:
        return self.dir / "bin"

    @property
    def site_packages_dir(self) -> Path:
        return next(self.dir.glob("lib/python*/site-packages"))


class PackageStore:
    """The virtual environments below one cache folder, and the uv that makes them."""

    def __init__(self, cache_dir: Path, env: Mapping[str, str], user: User | None = None) -> None:
        self.cache_dir = cache_dir
        self._user = user
        self._env = build_env(env)

    def base(self, release: Release, on_step: Callable[[str], None]) -> PythonEnvironment:
        """Return the environment with exactly the release's packages, building it when it is not there yet.

        `on_step` is told what is being done. Raises PythonUnavailable, PackagesUnavailable or DiskFull.
        """
        python_path, python_version = self.find_python(release)
        digest = _digest(release, python_version)
        target_dir = KEPT.path(self.cache_dir, f"{release.airflow_version}-{digest}")
        if self._user is not None:
            self._user.note(KEPT.kind, target_dir.name)
        # Again when another command removes it between the two: it was not used by anyone then.
        while not (_is_complete(target_dir, digest) and locks.hold(target_dir)):
            with locked(locks.lock_path(target_dir), on_step):
                if not _is_complete(target_dir, digest):
                    self._build(release, python_path, python_version, target_dir, on_step)
                    (target_dir / COMPLETE_NAME).write_text(json.dumps({"digest": digest}))
        return PythonEnvironment(target_dir, python_version, digest, *_stand_in(release, python_version))

    def find_python(self, release: Release) -> tuple[str, str]:
        """Return path and full version of the interpreter to use: MWAA's minor version, else another that works.

        uv looks through the folders of `interpreters` and its own downloads.
        """
        for minor in _minors_by_nearness(release):
            path = self._find_python_path(minor)
            if not path and minor == release.python_version and self._download_python(minor):
                path = self._find_python_path(minor)
            if path:
                version = self._run([path, "-c", "import platform; print(platform.python_version())"])
                if version.ok:
                    return path, version.output.strip()
        raise PythonUnavailable(
            f"no Python {release.python_version} for Airflow {release.airflow_version}",
            f"This Airflow runs on Python {', '.join(release.supported_pythons)}; none was found on PATH, among "
            "pyenv's versions or in the system's folders, and uv could not download one.",
            f"install one, for example: pyenv install {release.python_version}",
        )

    def _find_python_path(self, minor: str) -> str:
        found = self._uv("python", "find", "--no-project", "--system", minor)
        return found.output.strip().splitlines()[-1] if found.ok and found.output.strip() else ""

    def _download_python(self, minor: str) -> bool:
        """Let uv download an interpreter; a failure is remembered, so that a machine without that way does not wait."""
        failed_path = KEPT_FAILURES.path(self.cache_dir, f"python-{minor}-not-downloaded")
        with contextlib.suppress(FileNotFoundError):
            if time.time() - failed_path.stat().st_mtime < DOWNLOAD_RETRY_S:
                return False
        if self._uv("python", "install", minor, timeout_s=DOWNLOAD_TIMEOUT_S).ok:
            failed_path.unlink(missing_ok=True)
            return True
        with contextlib.suppress(OSError):
            failed_path.parent.mkdir(parents=True, exist_ok=True)
            failed_path.touch()
        return False

    def _build(
        self,
        release: Release,
        python_path: str,
        python_version: str,
        target_dir: Path,
        on_step: Callable[[str], None],
    ) -> None:
        packages = release.packages
        on_step(f"installing {len(packages.base)} packages of Airflow {release.airflow_version}")
        self._must("create", self._uv("venv", "--clear", "--seed", "--python", python_path, str(target_dir)))
        listing = target_dir / "requirements.txt"
        listing.write_text("\n".join(wanted_packages(release)) + "\n")
        # Only what is named is built from source; anything else without a wheel is a mistake in the catalogue.
        from_source = set(packages.from_source)
        builds = [f"--only-binary={name}" for name in sorted({*packages.base, *packages.unlisted} - from_source)]
        # The list is complete for MWAA's Python; another one may need packages besides, which are then resolved.
        dependencies = ["--no-deps"] if _minor(python_version) == release.python_version else []
        self._must(
            "install",
            self._uv(
                *("pip", "install", "--python", str(target_dir / "bin" / "python"), *dependencies),
                *("--compile-bytecode", *builds, "--requirement", str(listing)),
                timeout_s=INSTALL_TIMEOUT_S,
            ),
        )
        environment = PythonEnvironment(target_dir, "", "")
        for name, version in packages.added.items():
            self._add_hidden(environment, f"{name}=={version}")
        # Bytecode beside the sources is that of the launcher's Python.
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(SUPPORT_DIR, environment.site_packages_dir, dirs_exist_ok=True, ignore=ignore)
        support_dirs = [str(environment.site_packages_dir / path.name) for path in SUPPORT_DIR.iterdir()]
        self._run([str(environment.python_path), "-m", "compileall", "-q", *support_dirs])

    def _add_hidden(self, environment: PythonEnvironment, requirement: str) -> None:
        """Install a package that MWAA does not have so that pip and `importlib.metadata` do not see it."""
        before = set(environment.site_packages_dir.glob("*.dist-info"))
        argv = ("pip", "install", "--python", str(environment.python_path), "--no-deps", requirement)
        self._must("install", self._uv(*argv, timeout_s=INSTALL_TIMEOUT_S))
        for folder in set(environment.site_packages_dir.glob("*.dist-info")) - before:
            shutil.rmtree(folder)

    def clone(self, base: PythonEnvironment, target_dir: Path) -> PythonEnvironment:
        """Return a copy of the environment that may be changed; files are hard links where the disk allows it."""
        shutil.rmtree(target_dir, ignore_errors=True)
        try:
            target_dir.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(base.dir, target_dir, symlinks=True, copy_function=link_or_copy)
            _readdress(base.dir, target_dir)
        except OSError as error:
            shutil.rmtree(target_dir, ignore_errors=True)
            raise _disk_error(error, target_dir) from error
        return PythonEnvironment(target_dir, base.python_version, base.digest, base.note, base.hint)

    def _uv(self, *argv: str, timeout_s: float = 120.0) -> Completed:
        from uv import find_uv_bin

        return self._run([find_uv_bin(), "--no-progress", "--color", "never", *argv], timeout_s)

    def _run(self, argv: list[str], timeout_s: float = 30.0) -> Completed:
        return run(Request(argv, self._env, Path("/"), timeout_s))

    def _must(self, verb: str, completed: Completed) -> None:
        if completed.ok:
            return
        text = completed.output.strip()
        if line_on_full_disk(text):
            raise DiskFull("no space left for the package set", text, f"make room below {self.cache_dir}")
        why = f"uv took longer than {completed.elapsed_s:.0f} s" if completed.timed_out else text
        raise PackagesUnavailable(
            f"could not {verb} the release's packages",
            why,
            "check that the package index answers; UV_DEFAULT_INDEX or PIP_INDEX_URL names another one, "
            "HTTPS_PROXY a proxy, SSL_CERT_FILE your own certificates",
        )


def wanted_packages(release: Release) -> list[str]:
    """Return the requirement lines of the release's base environment, sorted."""
    packages = release.packages
    lines = [
        f"{name}=={version}"
        for name, version in packages.base.items()
        if name not in packages.left_out and name not in packages.replaced
    ]
    # What MWAA's own list skips is in its image all the same, and other packages need it.
    unlisted = (f"{name}=={version}" for name, version in packages.unlisted.items() if name not in packages.base)
    return sorted([*lines, *packages.replaced.values(), *unlisted])


def _minor(python_version: str) -> str:
    return ".".join(python_version.split(".")[:2])


def _minors_by_nearness(release: Release) -> list[str]:
    """Return the Python minors on which the release runs: MWAA's first, then the nearest, an older one before a newer.

    A release's pins have wheels for the Pythons of their time, so the nearest is the most likely to work.
    """

    def number(minor: str) -> int:
        return int(minor.partition(".")[2])

    wanted = number(release.python_version)
    others = sorted(release.supported_pythons, key=lambda minor: (abs(number(minor) - wanted), number(minor)))
    return list(dict.fromkeys([release.python_version, *others]))


def _stand_in(release: Release, python_version: str) -> tuple[str, str]:
    wanted = release.python_version
    if _minor(python_version) == wanted:
        return "", ""
    return stand_in_note(wanted, python_version), stand_in_hint(wanted)


def _digest(release: Release, python_version: str) -> str:
    support = {path.name: path.read_text() for path in sorted(SUPPORT_DIR.rglob("*.py"))}
    parts = [FORMAT, python_version, wanted_packages(release), sorted(release.packages.added.items()), support]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _is_complete(target_dir: Path, digest: str) -> bool:
    try:
        complete = json.loads((target_dir / COMPLETE_NAME).read_text())["digest"] == digest
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return complete and os.access(target_dir / "bin" / "python", os.X_OK)


@contextlib.contextmanager
def locked(path: Path, on_step: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file exclusively. Raises DiskFull if it cannot be made."""
    lock = locks.taken(path, lambda: on_step("waiting for another mwaa-local that installs the same packages"))
    try:
        lock.__enter__()
    except OSError as error:
        raise _disk_error(error, path) from error
    with contextlib.ExitStack() as stack:
        stack.push(lock.__exit__)
        yield


def _disk_error(error: OSError, path: Path) -> DiskFull:
    return DiskFull(f"cannot write below {path.parent}", reason(error), "make room there, or check who owns the folder")


def link_or_copy(source: str, target: str) -> None:
    """Give a file another name, or copy it where it cannot have one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _readdress(old_dir: Path, new_dir: Path) -> None:
    """Make the scripts of a copied environment start its own interpreter."""
    old, new = f"{old_dir}/bin/".encode(), f"{new_dir}/bin/".encode()
    for path in (new_dir / "bin").iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        head = path.read_bytes()
        if old in head[:4096] or str(old_dir).encode() in head:
            mode = path.stat().st_mode
            path.unlink()  # a hard link: writing in place would change the original too
            path.write_bytes(head.replace(old, new).replace(str(old_dir).encode(), str(new_dir).encode()))
            path.chmod(mode)
