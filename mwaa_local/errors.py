"""One class for each failure the user can act on, and none besides.

An error says *what* (one line, with the value and the place), *why* (the rule or the evidence, any number of
lines) and a *hint* (a command or an edit). Anything that is not a `MwaaLocalError` is a bug and keeps its traceback.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

QUOTED = "  | "  # before a line of a reason that another program wrote, such as the end of a log


class MwaaLocalError(Exception):
    """The root: a failure outside the product's own code that the user can act on."""

    exit_code = 3

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append(self.why)
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


class NotNow(Exception):
    """What works for nobody in particular did not work, and will be tried again, as of a service that is away."""


class ProjectNotFound(MwaaLocalError):
    """No folder above the current one looks like a project, or the named one does not exist."""


class EnvironmentFileInvalid(MwaaLocalError):
    """`mwaa.yaml` breaks a rule; `why` lists every problem with file and line.

    `problems` has the same as (line, what, fix), and is empty where the file cannot be read at all.
    """

    problems: tuple[tuple[int, str, str], ...] = ()


class MembersInvalid(MwaaLocalError):
    """Members of an environment, out of no file, break rules; `why` lists them all."""


@dataclass(frozen=True)
class SeedProblem:
    """One mistake, or oddity, in what seeds an environment. `line` is 0 where it is not in the text of a file."""

    path: Path
    line: int
    what: str
    why: str
    hint: str


class SettingsFileInvalid(MwaaLocalError):
    """A file that seeds an environment breaks a rule; `why` lists every problem with file and line."""

    problems: tuple[SeedProblem, ...] = ()


class SeedingFailed(MwaaLocalError):
    """An entry of a file that seeds an environment could not be put where it belongs."""


class ReleaseUnknown(MwaaLocalError):
    """The Airflow version is not one that MWAA ever had."""


class MoveRefused(MwaaLocalError):
    """MWAA does not change an environment from the one Airflow version to the other in place."""


class ConfigOptionInvalid(MwaaLocalError):
    """An Airflow configuration option is not of the form `section.key`, or its value is not allowed."""


class VariableInvalid(MwaaLocalError):
    """A variable of the shell that the launcher reads has a value that cannot be meant."""


class StartupScriptFailed(MwaaLocalError):
    """The startup script ended in a way that stops MWAA's containers from starting."""

    line = 0  # of the script, at which it ended; 0 where that is not known
    script_exit_code: int | None = None  # that the script's shell gave; None where something else ended it
    is_of_machine = False  # a command of that line calls what MWAA's container has or may use, and this machine may not


class RequirementsUnreadable(MwaaLocalError):
    """The requirements file, or one it names, cannot be read or decoded."""


class FileMissing(MwaaLocalError):
    """A file that was named, or that the command is for, does not exist."""


class PythonUnavailable(MwaaLocalError):
    """No interpreter was found that can run the release's Airflow."""


class PackagesUnavailable(MwaaLocalError):
    """The release's package set could not be installed: no index, no wheel, no space."""


class ToolMissing(MwaaLocalError):
    """A program that the launcher needs is not there, or not for this machine."""


class CredentialsUnavailable(MwaaLocalError):
    """The user's AWS profile gives no credentials, or those of another account than the execution role's."""


class RuntimeUnavailable(MwaaLocalError):
    """The runtime that was asked for is not there."""


class DockerUnavailable(RuntimeUnavailable):
    """No Docker engine with Compose answers: it does not run, may not be used, or a part is missing."""

    is_worth_a_look = False  # Docker is on this machine, so that its owner will want to know what is wrong


class ImageBuildFailed(MwaaLocalError):
    """The image could not be built; names the step, and the host that did not answer."""


class DiskFull(MwaaLocalError):
    """There is no space left where the environment keeps its files."""


class AccessDenied(MwaaLocalError):
    """A file or folder may not be read or written by this user, or its disk is read-only."""


class PortInUse(MwaaLocalError):
    """Another program listens on a port that the environment needs."""


class StateCorrupted(MwaaLocalError):
    """Files of ours, of the project or of its user, are unreadable or contradict each other."""


class DatabaseMissing(MwaaLocalError):
    """The project has no database of that Airflow version in that runtime."""


class DatabaseExists(MwaaLocalError):
    """There is a database of that Airflow version already."""


class DatabaseInUse(MwaaLocalError):
    """An environment runs on the database, or another command has it open."""


class DumpInvalid(MwaaLocalError):
    """A file is no dump of a metadata database, is not whole, or does not fit the schema that it is for."""


class DumpExists(MwaaLocalError):
    """There is a file, or a snapshot, of that name already."""


class DumpRefused(MwaaLocalError):
    """A dump is whole, but cannot come into this release: no way leads there, or its database program refuses it."""


class ValuesUnreadable(MwaaLocalError):
    """Encrypted values that the Fernet key does not open."""


class NotRunning(MwaaLocalError):
    """The command needs a running environment."""


class BrowserUnavailable(MwaaLocalError):
    """There is no browser to open, or it opened nothing."""


class AlreadyRunning(MwaaLocalError):
    """Another command is starting or stopping this environment right now."""


class PatternInvalid(MwaaLocalError):
    """A filter pattern for log events that CloudWatch would refuse with InvalidParameterException."""

    exit_code = 2


class LogGroupOff(MwaaLocalError):
    """A log group that the environment's LoggingConfiguration does not switch on."""


class ComponentUnknown(MwaaLocalError):
    """No component of the environment has that name."""


class ComponentFailed(MwaaLocalError):
    """A component ended though it should run; carries exit code, last lines and the log's path."""


class ComponentNotReady(MwaaLocalError):
    """A component did not become ready in time; says what was waited for, how long, and what was last seen."""


class CommandUnavailable(MwaaLocalError):
    """The release's Airflow has no command that does what was asked for."""


class DagRunFailed(MwaaLocalError):
    """A DAG run that was asked for did not succeed."""

    exit_code = 1


class DagNotDue(DagRunFailed):
    """A DAG was asked for of which Airflow would run no task before a time to come."""


class UpgradeFailed(MwaaLocalError):
    """An upgrade did not succeed and was rolled back; `why` says what else failed where that is not all.

    `statuses` is the way of the environment's status: MWAA's words, and when each began in epoch seconds. The exit code
    is that of the cause.
    """

    statuses: tuple[tuple[str, float], ...] = ()
    # Names of the snapshots that stay: of the source's database, and of one that the target had; "" for none.
    snapshot: str = ""
    replaced_snapshot: str = ""
    runs: tuple[Mapping[str, str | None], ...] = ()  # DAGs that ran in the new release, as `upgrade --json` has them


def disk_error(error: OSError, folder: Path | None = None) -> MwaaLocalError | OSError:
    """Return DiskFull or AccessDenied, with the folder's name, for what the user can act on, else the error itself."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f"below {folder}" if folder else "on the disk"
        return DiskFull(f"no space left {place}", str(error), "make room and run the command again; nothing is lost")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and error.filename:
        return AccessDenied(
            f"not allowed to use {error.filename}",
            str(error),
            "run this as the user who owns the project and the cache, or give that user the right",
        )
    return error


def cannot_write(path: Path, error: OSError) -> MwaaLocalError:
    """Return the error for a file that somebody named and that cannot be written."""
    known = disk_error(error, path.parent)
    if isinstance(known, MwaaLocalError):
        return known
    return AccessDenied(f"cannot write {path}", error.strerror or str(error), "name another place")


def cannot_read(path: Path, error: OSError) -> MwaaLocalError:
    """Return the error for a file that somebody named and that cannot be read."""
    known = disk_error(error)
    if isinstance(known, MwaaLocalError):
        return known
    return FileMissing(f"cannot read {path}", error.strerror or str(error), "name another file")


def line_on_full_disk(text: str) -> str:
    """Return the line in which another program reports a full disk; "" if there is none.

    The system's own words, and Rust's number for them: programs that end with them have no exit code for it.
    """
    return next((line.strip() for line in text.splitlines() if _NO_SPACE.search(line)), "")


_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded|os error 28\b", re.IGNORECASE)


def reason(error: OSError) -> str:
    """Return what the system said, in one line: copying a folder fails with an entry for each of its files."""
    entries = error.args[0] if error.args else None
    if not isinstance(entries, list) or not entries:
        return str(error)
    first = str(entries[0][-1])
    return first if len(entries) == 1 else f"{first}, and {len(entries) - 1} more"
