"""A build that failed below a real pip, on this machine or in a container: of which package, and what it means. Pure.

pip says of each build that its error "is likely not a problem with pip", and shows all that was said; here it becomes
one line. Source: pip's output, versions 21.3 to 26.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.release import Release
from mwaa_local.requirements import build_words
from mwaa_local.requirements.build_judgement import Build, Outcome, judge
from mwaa_local.requirements.script_commands import Brings

_NAMED = re.compile(
    r"ERROR: Failed building wheel for ([\w.-]+)|ERROR: Failed to build '([\w.-]+)'"
    r"|ERROR: Could not build wheels for ([\w.-]+)|^╰─> ([\w.-]+)$"
)
_COLLECTING = re.compile(r"Collecting ([A-Za-z0-9][\w.-]*)")
_BEGIN = re.compile(r"\[\d+ lines? of output\]|ERROR: Command errored out with exit status")
_END = re.compile(r"\[end of output\]|^\s*-{20,}$")
_FAILED = re.compile(r"subprocess-exited-with-error|ERROR: Command errored out|ERROR: Failed building wheel")
_MARKS = re.compile(r"^[\s│|]+")


@dataclass(frozen=True)
class PipBuild:
    """The package whose build failed, and what that means for MWAA."""

    name: str
    build: Build

    @property
    def is_of_machine(self) -> bool:
        """Whether the failure says nothing about MWAA."""
        return self.build.outcome is Outcome.UNTRIED

    @property
    def reason(self) -> str:
        """What to say of it, in one sentence without a full stop."""
        return f"{self.name} could not be built: {self.build.why}"


def failed_build(lines: Sequence[str], release: Release) -> PipBuild | None:
    """Return the build with which pip failed; None where it failed otherwise."""
    if not any(map(_FAILED.search, lines)):
        return None
    starts = [number for number, line in enumerate(lines) if _BEGIN.search(line)]
    named = [next(filter(None, match.groups())) for line in lines if (match := _NAMED.search(line))]
    collected = [match[1] for line in lines[: starts[-1] if starts else None] if (match := _COLLECTING.search(line))]
    name = next(iter([*named[:1], *reversed(collected)]), "")
    if not starts or not name:
        return None
    block = lines[starts[-1] + 1 :]
    length = next((number for number, line in enumerate(block) if number and _END.search(line)), len(block))
    said = "\n".join(_MARKS.sub("", line) for line in block[:length])
    # What the startup script installs on MWAA is not known here, where the same script may fail.
    return PipBuild(name, judge(build_words.read(said, release.python_version), release, brings=Brings.PACKAGES))
