"""One environment as an ordinary user, for when the tests themselves run as root.

Nothing lasts on the system: the user is only a number, and what lies in root's home is shown to it in a mount
namespace that ends with the test.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import COMMAND, REPOSITORY_DIR, cache_dir, make_clean_env
from tests.environments import LATEST, sample_files

pytestmark = [
    pytest.mark.full,
    pytest.mark.network,
    pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user anyway"),
    pytest.mark.skipif(not (shutil.which("setpriv") and shutil.which("unshare")), reason="needs setpriv and unshare"),
]

USER_ID = 12345  # nobody's
AS_USER = f"setpriv --reuid {USER_ID} --regid {USER_ID} --clear-groups"
TIMEOUT_S = 300.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user owns and can reach; pytest's own are root's alone."""
    made = Path(tempfile.mkdtemp(prefix="mwaa-local-user-", dir="/tmp"))
    os.chown(made, USER_ID, USER_ID)
    yield made
    subprocess.run(["rm", "-rf", str(made)], check=True)


def show_in_namespace(env: dict[str, str], folder: Path) -> list[str]:
    """Return shell lines that let the user reach what it needs of root's home, in this namespace only."""
    home_dir = Path.home()
    needed = (REPOSITORY_DIR, Path(sys.prefix), Path(sys.base_prefix), env["PYENV_ROOT"], env["UV_PYTHON_INSTALL_DIR"])
    below = sorted({Path(path) for path in needed if Path(path).is_relative_to(home_dir) and Path(path).is_dir()})
    outermost = [path for path in below if not any(other in path.parents for other in below)]
    kept = folder / "root-home"
    kept.mkdir()
    users = folder / "passwd"  # PostgreSQL wants to know its user's name
    users.write_text(Path("/etc/passwd").read_text() + f"ordinary:x:{USER_ID}:{USER_ID}::{folder}:/bin/sh\n")
    lines = [
        f"mount --bind {users} /etc/passwd",
        f"mount --bind {home_dir} {kept}",
        f"mount -t tmpfs -o mode=755 tmpfs {home_dir}",
    ]
    for path in outermost:
        target = shlex.quote(str(path))
        source = shlex.quote(str(kept / path.relative_to(home_dir)))
        lines += [f"mkdir -p {target}", f"mount --bind {source} {target}"]
    return lines


def in_namespace(lines: list[str], env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--mount", "sh", "-eu", "-c", "\n".join(lines)],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_ordinary_user_runs_the_sample(folder: Path) -> None:
    root_dir, home_dir, own_cache_dir = folder / "project", folder / "home", folder / "cache"
    for name, text in sample_files(LATEST).items():
        path = root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    home_dir.mkdir()
    own_cache_dir.mkdir()
    for made in (root_dir, *root_dir.rglob("*"), home_dir, own_cache_dir):
        os.chown(made, USER_ID, USER_ID)
    # The package sets are shared as hard links: theirs stay root's, and are only read.
    copied = ["cp", "-al", str(cache_dir() / "environments"), str(own_cache_dir)]
    if subprocess.run(copied, capture_output=True, check=False).returncode != 0:
        subprocess.run(["cp", "-a", *copied[2:]], check=True)
    os.chown(own_cache_dir / "environments", USER_ID, USER_ID)
    for lock in (own_cache_dir / "environments").glob("*.lock"):
        lock.unlink()
    env = {
        **make_clean_env(home_dir),
        "MWAA_LOCAL_CACHE_DIR": str(own_cache_dir),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
    }
    view = show_in_namespace(env, folder)
    reachable = in_namespace([*view, f"{AS_USER} {sys.executable} -c 'import mwaa_local'"], env, folder)
    if reachable.returncode != 0:
        pytest.skip(f"an ordinary user cannot reach the interpreter here: {reachable.stderr.strip()[-300:]}")
    command = f"{AS_USER} {shlex.join(COMMAND)}"
    up = f"{command} up --port 0 --run hello_mwaa"
    # `status` says healthy by its exit code, and the environment is stopped whatever it said.
    done = in_namespace([*view, f"trap '{command} down --now' EXIT", up, f"{command} status --json"], env, root_dir)
    assert done.returncode == 0, done.stderr
    assert "hello_mwaa succeeded" in done.stderr
    status = json.loads(done.stdout)
    assert status["healthy"]
    owners = {path.lstat().st_uid for path in (root_dir / ".mwaa-local").iterdir()}
    assert owners == {USER_ID}
    assert not Path("/usr/local/airflow").exists()
