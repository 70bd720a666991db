"""The containers' entry point in folders of a test's own, run by an interpreter of its own as containers run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.startup.run import WRAPPER_PATH
from tests.conftest import REPOSITORY_DIR

ENTRYPOINT_DIR = REPOSITORY_DIR / "docker" / "entrypoint"
OLDEST_PYTHON = "3.7"
WOULD_NOT_START = 64
TIMEOUT_S = 60.0
# What Python does with docker/entrypoint/ in a container, in folders of the test's own.
DRIVER = """
import os, pathlib, runpy, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from places import Places
main = runpy.run_path(sys.argv[1] + "/__main__.py")["main"]
places = Places(*map(pathlib.Path, sys.argv[2:8]), int(sys.argv[8]))
sys.exit(main(sys.argv[9:], os.environ, places))
"""


def find_oldest_python() -> str | None:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{OLDEST_PYTHON}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{OLDEST_PYTHON}")


@dataclass
class Box:
    """One container's folders, and the variables that Docker gives it."""

    root: Path
    python: str
    base_dir: Path
    env: dict[str, str] = field(default_factory=dict)
    webserver_port: int = 1
    service: str = "worker"
    packages_key: str = ""

    def __post_init__(self) -> None:
        for folder in ("home/startup", "run", "outcomes", "packages", "tmp"):
            (self.root / folder).mkdir(parents=True)
        self.packages_link.symlink_to(self.base_dir)
        shutil.copy(WRAPPER_PATH, self.root / "run" / WRAPPER_PATH.name)
        self.env |= {"PATH": os.defpath, "MWAA_LOCAL_SERVICE": self.service}
        if self.packages_key:
            self.env["MWAA_LOCAL_PACKAGES"] = self.packages_key

    @property
    def packages_link(self) -> Path:
        return self.root / "home" / ".local"

    @property
    def script_path(self) -> Path:
        return self.root / "home" / "startup" / "startup.sh"

    @property
    def outcome_dir(self) -> Path:
        return self.root / "outcomes" / self.service

    @property
    def packages_dir(self) -> Path:
        return self.root / "packages"

    @property
    def set_dir(self) -> Path:
        return self.packages_dir / "sets" / self.packages_key / "set"

    def describe(self, **values: object) -> None:
        """Write what the launcher writes for this service."""
        plain = {
            "startup_script": True,
            "timeout_s": 20.0,
            "view": {"SEEN_BY_SCRIPT_ONLY": "1"},
            "locked": [],
            "locked_if_set": [],
            "yields": {},
            "celery": None,
        }
        (self.root / "run" / f"{self.service}.json").write_text(json.dumps({**plain, **values}))

    def argv(self, *words: str) -> list[str]:
        names = ("home", "run", "outcomes", "packages")
        folders = [*(str(self.root / name) for name in names), str(self.base_dir), str(self.root / "tmp")]
        return [self.python, "-I", "-c", DRIVER, str(ENTRYPOINT_DIR), *folders, str(self.webserver_port), *words]

    def begin(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv(*words),
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        process = self.begin(*words, env=env)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        assert "Traceback" not in stderr, stderr
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def run_script(self, script: str, **values: object) -> subprocess.CompletedProcess[str]:
        """Run the startup script and then a component that saves its variables; they are in `result`."""
        self.describe(**values)
        self.script_path.write_bytes(script.encode())
        (self.root / "result.json").unlink(missing_ok=True)
        code = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
        return self.run("run", self.python, "-c", code, str(self.root / "result.json"))

    @property
    def result(self) -> dict[str, str]:
        plain = json.loads((self.root / "result.json").read_text())
        assert isinstance(plain, dict)
        return plain

    def startup_json(self) -> dict[str, Any]:
        plain = json.loads((self.outcome_dir / "startup.json").read_text())
        assert isinstance(plain, dict)
        return plain


def one_line(completed: subprocess.CompletedProcess[str]) -> str:
    lines = completed.stderr.splitlines()
    assert len(lines) == 1, completed.stderr
    return lines[0]


def command_line(pid: int) -> list[str]:
    """Return the words of a process, none for one that has ended."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return []


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
