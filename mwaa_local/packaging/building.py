"""Build a wheel from a source archive, and judge whether MWAA could use it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.check.binaries import is_binary, why_not_loadable
from mwaa_local.check.requirements.resolver import BUILD_TIMEOUT_S
from mwaa_local.command import Completed, Request, run
from mwaa_local.network import build_env
from mwaa_local.packaging.choice import WHEEL_SUFFIX, fits
from mwaa_local.release import Release
from mwaa_local.requirements import build_words

# Build back ends take it for the time of all files in a wheel; a zip knows no time before this.
FIRST_ZIP_TIME = "315532800"
MAX_BINARY_BYTES = 16 * 1024 * 1024  # of a library's beginning, where the names of what it needs are


def build_wheel(archive: Path, target_dir: Path, release: Release, env: Mapping[str, str]) -> Path | str:
    """Return the wheel built with the release's Python, or why there is none that works on MWAA.

    This runs the package's setup code. A wheel made here is only good if its tags fit MWAA, and so do the libraries in
    it: this machine's glibc may be newer.
    """
    from uv import find_uv_bin

    build_variables = {**build_env(env), "SOURCE_DATE_EPOCH": FIRST_ZIP_TIME, "UV_PYTHON_DOWNLOADS": "never"}
    argv = [find_uv_bin(), "--no-progress", "--color", "never", "build", "--wheel", str(archive)]
    argv += ["--out-dir", str(target_dir), "--python", release.python_version, "--no-config"]
    target_dir.mkdir(parents=True)
    completed = run(Request(argv, build_variables, archive.parent, BUILD_TIMEOUT_S))
    built = sorted(target_dir.glob(f"*{WHEEL_SUFFIX}"))
    if not completed.ok or not built:
        shutil.rmtree(target_dir)
        return _why(completed, release)
    return why_useless(built[0], release) or built[0]


def why_useless(wheel: Path, release: Release) -> str:
    """Return why a wheel does not work on MWAA; "" if nothing is known against it."""
    if not fits(wheel.name, release):
        return (
            f"its build here makes {wheel.name}, which is not for MWAA (Linux x86-64, Python {release.python_version})"
        )
    with zipfile.ZipFile(wheel) as content:
        for entry in content.infolist():
            with content.open(entry) as file:
                start = file.read(MAX_BINARY_BYTES)
            if is_binary(start) and (why := why_not_loadable(entry.filename, start, release)):
                return f"its build here makes {entry.filename}, and {why}"
    return ""


def _why(completed: Completed, release: Release) -> str:
    if completed.timed_out:
        return f"its build still ran after {BUILD_TIMEOUT_S:g} s"
    if "No interpreter found" in completed.output:
        return f"there is no Python {release.python_version} here to build it with"
    failure = build_words.read(completed.output, release.python_version)
    if failure.needs:
        return "; ".join(f"this machine has no {need.bare} to build it with" for need in failure.needs)
    return f"its build fails here: {failure.reason}" if failure.reason else "its build fails here"
