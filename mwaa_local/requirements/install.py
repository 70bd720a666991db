"""Install prepared requirements with the real pip of the environment's interpreter, and judge how that ended.

pip may run here (`install`) or inside a container, which leaves its exit code and its output in a folder
(`judge_outcome`); both are judged alike.

Not for what is installed: that is `prepare`.

Source: aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and
`bin/airflow-user/safe-pip-install`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local import command
from mwaa_local.errors import StateCorrupted, line_on_full_disk
from mwaa_local.masking import without_secrets
from mwaa_local.requirements.pip_builds import failed_build
from mwaa_local.requirements.prepare import PreparedRequirements

# pip is stopped after 9 minutes (aws/amazon-mwaa-docker-images, python/mwaa/utils/user_requirements.py); the user
# guide says about 10, since the clock is looked at once a minute.
REQUIREMENTS_INSTALL_TIMEOUT_S = 9 * 60
# Between SIGTERM and SIGKILL (aws/amazon-mwaa-docker-images, python/mwaa/subprocess/).
PIP_STOP_TIMEOUT_S = 90.0
# How this machine reaches its index is the machine's business, unlike what is installed.
PIP_NETWORK_VARIABLES = ("PIP_INDEX_URL", "PIP_CERT")

# On MWAA pip installs into the user's own folder in any case; the virtual environment here stands for that.
OWN_VARIABLES = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}

REASON_LINES = 8  # of pip's own lines in a reason
REASON_LINE_CHARACTERS = 300

# What a container leaves behind: how pip ended, and its output as it came.
OUTCOME_NAME = "pip.json"
LOG_NAME = "pip.log"

# pip has no output for machines but that of a success, and exit code 1 for all that fails; what it says is read here,
# whether it ran on this machine or in a container, and nowhere else.
# A retry that broke with none left, or an error that says so; a retry in between may have been followed by success.
_UNREACHABLE = re.compile(r"Retry\(total=0,|Max retries exceeded|Failed to connect to|Unable to fetch ")
NOT_REACHED = "the package index, or another address that was named, could not be reached"
_ERROR = re.compile(r"(?:ERROR: |\s*\u00d7 )")  # the multiplication sign of pip's longer reports
_HELP = re.compile(r"ERROR: ResolutionImpossible")
_PLACE = re.compile(r"\(from line \d+ of .+\)$")
_BROKEN = re.compile(r"\S+ \S+ (?:requires .+, (?:but you have|which is not installed)|has requirement .+)")


@dataclass(frozen=True)
class Installed:
    """pip succeeded. `warnings` are its lines on installed packages that the new ones conflict with."""

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
    is_of_machine: bool = False  # a build or the network lacks something here, which says nothing about MWAA
    is_unreached: bool = False  # … and it is the network: MWAA may reach what this machine does not


def pip_network(env: Mapping[str, str]) -> dict[str, str]:
    """Return what pip is told by the caller's shell: which index to ask, and which certificate to trust."""
    return {name: env[name] for name in PIP_NETWORK_VARIABLES if name in env}


def install(
    prepared: PreparedRequirements,
    python_path: Path,
    env: Mapping[str, str],
    log_path: Path,
    on_line: Callable[[str], None] | None = None,
    *,
    cwd: Path | None = None,
    timeout_s: float = REQUIREMENTS_INSTALL_TIMEOUT_S,
    wrap: Callable[[Sequence[str]], list[str]] = list,
) -> Installed | InstallFailed:
    """Run pip of that interpreter; its output goes to `log_path`, which starts empty, and line by line to `on_line`.

    `env` is the component's complete environment: `${NAME}` in the file and pip's own `PIP_…` variables come from
    there alone. `cwd` (default: the file's folder) stands for `/usr/local/airflow`, from where pip takes relative
    paths of packages; `wrap` makes of pip's command the one that runs it in a home of its own. Lines name the user's
    file, not the copy, and hide passwords in addresses.

    Raises ToolMissing when there is no such interpreter.
    """
    pip_env = {**env, **OWN_VARIABLES}
    argv = [str(python_path), "-m", "pip", "install", *prepared.argv_tail]
    request = command.Request(wrap(argv), pip_env, cwd or prepared.source_path.parent, timeout_s, PIP_STOP_TIMEOUT_S)
    with command.LineLog(log_path) as log:

        def take(line: str) -> None:
            shown = show(line, prepared)
            log.write(shown)
            if on_line is not None:
                on_line(shown)

        log.write(show(f"pip install {shlex.join(prepared.argv_tail)}", prepared))
        completed = command.run(request, on_line=take)
        log.write(f"Requirements installation time: {completed.elapsed_s:.2f} seconds.")
    return judge(prepared, completed, log_path, timeout_s)


def judge(
    prepared: PreparedRequirements,
    completed: command.Completed,
    log_path: Path,
    timeout_s: float = REQUIREMENTS_INSTALL_TIMEOUT_S,
) -> Installed | InstallFailed:
    """Return what a run of pip, wherever it was, means for the user. `timeout_s` is what it was given."""
    lines = [show(line, prepared) for line in completed.output.split("\n")]
    if completed.ok:
        return Installed(completed.elapsed_s, log_path, tuple(_broken_packages(lines)))
    built = None if completed.timed_out or prepared.release is None else failed_build(lines, prepared.release)
    reason = built.reason if built else _reason(prepared, lines, completed.exit_code)
    is_unreached = not completed.timed_out and built is None and reason.startswith(NOT_REACHED)
    return InstallFailed(
        exit_code=completed.exit_code,
        timed_out=completed.timed_out,
        elapsed_s=completed.elapsed_s,
        log_path=log_path,
        reason=_time_out_reason(timeout_s) if completed.timed_out else reason,
        is_of_machine=is_unreached or (built is not None and built.is_of_machine),
        is_unreached=is_unreached,
    )


def judge_outcome(
    prepared: PreparedRequirements, folder: Path, timeout_s: float = REQUIREMENTS_INSTALL_TIMEOUT_S
) -> Installed | InstallFailed | None:
    """Return how pip ended inside a container, from `pip.json` and `pip.log` in the folder; None before it did.

    `prepared` is what that pip was given, with the container's paths. The log holds pip's own words: who shows lines
    of it passes them through `show` first. It is missing where packages of an earlier install are used again.

    Raises StateCorrupted when the files cannot be understood.
    """
    log_path = folder / LOG_NAME
    try:
        ended = json.loads((folder / OUTCOME_NAME).read_text(encoding="utf-8"))
        exit_code, timed_out, elapsed_s = int(ended["exit_code"]), bool(ended["timed_out"]), float(ended["elapsed_s"])
        output = log_path.read_text(encoding="utf-8", errors="replace") if log_path.exists() else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateCorrupted(
            f"{folder / OUTCOME_NAME} does not say how the requirements were installed",
            f"{type(error).__name__}: {error}",
            f"remove {folder} and run `mwaa-local up` again",
        ) from error
    if output is None and exit_code != 0 and not timed_out:
        gone = f"pip ended with exit code {exit_code} at an earlier start; its output is gone"
        return InstallFailed(exit_code, timed_out, elapsed_s, log_path, prepared.unreadable or gone)
    argv = ("pip", "install", *prepared.argv_tail)
    return judge(prepared, command.Completed(argv, exit_code, output or "", elapsed_s, timed_out), log_path, timeout_s)


def show(line: str, prepared: PreparedRequirements) -> str:
    """Return a line of pip as the user may see it: the user's file instead of the copy, no passwords in addresses."""
    for copy_path, source_path in prepared.copies.items():
        line = line.replace(str(copy_path), str(source_path))
    return without_secrets(line)


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
    if line_on_full_disk(said):
        return "no space left on the disk while pip was installing"
    errors = _errors(lines)
    if _UNREACHABLE.search(said):
        return _cut([NOT_REACHED, *_evidence(said, errors)])
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
