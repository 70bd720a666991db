"""Programs that a profile names for its keys (`credential_process`): run with a limit, and judged by what they print.

botocore waits for them without end, and fails with Python's own errors where they are missing or print something else.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import Any

import psutil
from botocore.credentials import AssumeRoleProvider, ProcessProvider
from botocore.exceptions import BotoCoreError
from dateutil.parser import parse  # type: ignore[import-untyped]  # botocore's, which reads Expiration with it

# Ours; AWS names no limit. Somebody may have to type the code of a device meanwhile.
PROGRAM_LIMIT_S = 60.0
KEYS = ("AccessKeyId", "SecretAccessKey")


class ProgramFailed(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """A program gave no keys; `why` never has what it printed, which may be a secret."""

    fmt = "credential_process: {why}"


class Program:
    """A started program, as botocore uses `subprocess.Popen`. Raises ProgramFailed."""

    def __init__(self, argv: list[str], **pipes: Any) -> None:
        if not argv:
            raise ProgramFailed(why="it is empty")
        self._name = argv[0]
        try:
            self._process = subprocess.Popen(argv, **pipes)
        except (OSError, ValueError) as error:  # missing, not executable, of another machine
            raise ProgramFailed(why=f"{self._name} cannot be run: {error}") from error
        self.returncode: int | None = None

    def communicate(self) -> tuple[bytes, bytes]:
        """Return what it printed, and what it wrote beside it, when both are as botocore expects."""
        try:
            out, err = self._process.communicate(timeout=PROGRAM_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            self._kill()
            raise ProgramFailed(why=f"{self._name} had not ended after {PROGRAM_LIMIT_S:g} s and was killed") from error
        except BaseException:
            self._kill()
            raise
        self.returncode = self._process.returncode
        if self.returncode:
            said = err.decode(errors="replace").strip()
            said = f": {said}" if said else " and wrote nothing to its standard error"
            raise ProgramFailed(why=f"{self._name} ended with exit code {self.returncode}{said}")
        if wrong := _wrong_with(out):
            raise ProgramFailed(why=f"what {self._name} printed {wrong}")
        return out, err

    def _kill(self) -> None:
        """Kill it with all that it started, which would hold its pipes open."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def run_limited(session: Any) -> None:
    """Have a session of botocore's run such programs as above: a profile's own, and those of profiles it builds on."""
    for provider in session.get_component("credential_provider").providers:
        if isinstance(provider, ProcessProvider):
            provider._popen = Program
        elif isinstance(provider, AssumeRoleProvider):
            _limit_builder(provider._profile_provider_builder)


def _limit_builder(builder: Any) -> None:
    make = builder._create_process_provider

    def limited(profile_name: str) -> Any:
        provider = make(profile_name)
        provider._popen = Program
        return provider

    builder._create_process_provider = limited


def _wrong_with(out: bytes) -> str:
    """Return what is wrong with what was printed; "" for nothing (AWS CLI user guide, "Sourcing credentials")."""
    if not out.strip():
        return "is nothing; it must be a JSON object with Version, AccessKeyId and SecretAccessKey"
    try:
        found = json.loads(out)
    except ValueError:  # also of bytes that are no UTF-8
        return "is not JSON"
    if not isinstance(found, dict):
        return f"is no JSON object but of the type {type(found).__name__}"
    if (version := found.get("Version")) != 1 or isinstance(version, bool):
        return "has no Version" if version is None else f"has the Version {json.dumps(version)}; it must be 1"
    if lacking := [name for name in KEYS if not isinstance(found.get(name), str) or not found[name]]:
        return f"has no text as {' and '.join(lacking)}"
    if not isinstance(found.get("SessionToken", ""), str | None):
        return "has no text as SessionToken"
    return _wrong_with_end(found.get("Expiration"))


def _wrong_with_end(end: object) -> str:
    if end is None:
        return ""
    try:
        parsed = parse(end) if isinstance(end, str) else None
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        return f"has an Expiration that is no time: {json.dumps(end)}"
    return "" if parsed.tzinfo else f"has an Expiration without a time zone: {end}; add Z for UTC"
