"""Release: one Airflow version of MWAA and everything that differs by version. Differences are data, not code.

The data lie in `releases/<version>/`, made by `tools/build_release_catalogue.py`. Comparing Airflow versions is
done here and nowhere else; other modules ask a Release for the value they need.
"""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from packaging.version import Version

from mwaa_local.errors import ReleaseUnknown

CATALOGUE_DIR = Path(__file__).parent / "releases"
# Omitting AirflowVersion gives the newest release (MWAA user guide, "Create an Amazon MWAA environment").
DEFAULT_AIRFLOW_VERSION = "3.3.1"
RELEASE_FILE = "release.toml"
CONSTRAINTS_FILE = "airflow_constraints.txt"
ESSENTIAL_CONSTRAINTS_FILE = "mwaa_essential_constraints.txt"
BASE_PACKAGES_FILE = "base_packages.txt"
SYSTEM_PACKAGES_FILE = "system_packages.txt"
_COMMANDS_THAT_MAY_BE_ABSENT = ("dag_processor_argv", "triggerer_argv", "users_argv", "test_dag_argv")
OFFERED = "offered"  # a `state`; the other one is "ended"
_SUGGESTIONS = 3
_OFFICIAL_CONSTRAINTS = re.compile(r"/constraints-([\d.]+)/constraints-")


class PinFile(Mapping[str, str]):
    """The pins of a file of `name==version` lines and comments, name -> version; read when first looked into."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @functools.cached_property
    def _pins(self) -> dict[str, str]:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        pins = (line.partition("==") for line in lines if line and not line.startswith("#"))
        return {name: version for name, _, version in pins}

    def __getitem__(self, name: str) -> str:
        return self._pins[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pins)

    def __len__(self) -> int:
        return len(self._pins)

    def __repr__(self) -> str:
        return f"PinFile({self.path})"


@dataclass(frozen=True)
class Packages:
    """How the release's base package list becomes a virtual environment made from wheels."""

    base: Mapping[str, str]  # name -> version: what MWAA's image has, exactly
    replaced: Mapping[str, str] = field(default_factory=dict)  # name -> requirement installed in its place
    left_out: Mapping[str, str] = field(default_factory=dict)  # name -> why it cannot be installed here
    from_source: tuple[str, ...] = ()  # pure-Python packages that have no wheel and are built
    added: Mapping[str, str] = field(default_factory=dict)  # what only this product needs, e.g. the broker's client
    unlisted: Mapping[str, str] = field(default_factory=dict)  # in MWAA's image, though its list skips it
    of_unknown_version: tuple[str, ...] = ()  # in MWAA's image too, in a version that nothing tells
    pip_check: Mapping[str, str] = field(default_factory=dict)  # each line that `pip check` prints of them -> why


@dataclass(frozen=True)
class Release:
    """One MWAA Airflow version. Command lines hold the placeholders `{host}` `{port}` `{workers}`."""

    airflow_version: str
    python_version: str  # minor, as in "3.12": what MWAA runs
    python_full_version: str
    supported_pythons: tuple[str, ...]  # minors on which this Airflow runs at all
    state: str  # "offered" or "ended"
    available_since: str  # ISO date
    end_of_support: str  # ISO date, or "" when none is announced
    image_date: str  # ISO date of the sources of MWAA's image as of which all this is true
    packages_date: str  # ISO date of the list of its packages: a few of them have no pin, so they float with the build
    operating_system: str  # "Amazon Linux 2" or "Amazon Linux 2023"
    aws_cli_version: str  # of PyPI's awscli; wants exactly this release's botocore
    pip_version: str  # of the image, as far as it is known; older Pythons have no newer one
    database_revision: str  # Alembic's, to which its migration leads; several releases may share one
    providers: Mapping[str, str]
    packages: Packages
    essential_constraints: Mapping[str, str]
    constraints_injected: bool  # MWAA adds the Airflow constraints to a file that names none
    constraints_urls: tuple[str, ...]  # official addresses of this release's constraints
    startup_script: bool
    generation: str  # "local-runner", "2.x" or "3.x": which image family of facts holds
    python_argv: tuple[str, ...]  # what the interpreter gets to run Airflow; `{bin}` is the folder of its programs
    # Commands, after `airflow`; None where the release has no such component or command.
    migrate_argv: tuple[str, ...]
    webserver_argv: tuple[str, ...]
    scheduler_argv: tuple[str, ...]
    dag_processor_argv: tuple[str, ...] | None
    triggerer_argv: tuple[str, ...] | None
    worker_argv: tuple[str, ...]
    users_argv: tuple[str, ...] | None  # fills the tables of users: one to log in as, or roles where nobody need
    list_dags_argv: tuple[str, ...]
    runs_without_date: bool  # whether a DAG run may have no logical date
    test_dag_argv: tuple[str, ...] | None  # runs a whole DAG in one process
    failed_deps_argv: tuple[str, ...]  # with `{dag_id}`, `{task_id}` and one of `{run_id}` and `{logical_date}`
    login: str  # what to type into the web server's login page, or "" when there is none
    health_path: str  # of the web server; a page that answers 200 when it is up
    rest_base: str  # "/api/v2", "/api/v1" or "/api/experimental"
    preload: tuple[str, ...]  # modules worth importing once before components are forked
    # Configuration, by option name `section.key`; values may hold placeholders named in `configuration.merge`.
    forced_options: Mapping[str, str]
    default_options: Mapping[str, str]
    local_forced_options: Mapping[str, str]  # what must differ on one machine; docs/differences.md
    local_default_options: Mapping[str, str]  # what differs for speed, and the user may override
    default_variables: Mapping[str, str]
    protected_variables: tuple[str, ...]
    cli_commands: tuple[str, ...]  # that MWAA's `/aws_mwaa/cli` runs, as "dags list"
    webserver_https_argv: tuple[str, ...] = ()  # further words, with which it believes that it is reached by https
    queue_aliases: tuple[str, ...] = ()  # further names of the environment's one queue
    millisecond_timers: tuple[str, ...] = ()  # beginnings of names; MWAA's guide has these in seconds
    # What MWAA derives from the environment class, with placeholders of `configuration.class_defaults`.
    class_options: Mapping[str, str] = field(default_factory=dict)
    removed_options: Mapping[str, str] = field(default_factory=dict)  # option -> what became of it
    airflow_requires: tuple[str, ...] = ()  # what this Airflow needs, where its metadata cannot be parsed
    aws_cli_overrides: tuple[str, ...] = ()  # requirements in the place of the AWS CLI's own for these packages
    worker_name_option: str = "-H"  # of `worker_argv`; Airflow 1.10 calls it differently
    system_packages: Mapping[str, str] = field(default_factory=dict)  # of the image: name -> version, "" if unknown
    system_packages_complete: bool = False  # whether these are all of them
    output_levels_parsed: bool = False  # MWAA filters what components write line by line, not as it filters nothing
    # "2.11": the minor version from whose newest release MWAA upgrades in place to this major version, and to which it
    # goes back; "" where no in-place change crosses the border below this major version.
    previous_major_through: str = ""

    @classmethod
    def load(cls, version: str, mend: str = "set AirflowVersion to") -> Release:
        """Return the release of that Airflow version, read once.

        Raises ReleaseUnknown, naming the closest releases, unless `version` is exactly one of `versions()`. `mend` are
        the words before the version that is to be named.
        """
        if version not in cls.versions():
            raise _unknown(version, cls.versions(), mend)
        return _load(version)

    @classmethod
    def versions(cls) -> tuple[str, ...]:
        """Return the Airflow versions that MWAA ever had, oldest first."""
        return _versions()

    @classmethod
    def all(cls) -> tuple[Release, ...]:
        """Return every release, oldest first."""
        return tuple(cls.load(version) for version in cls.versions())

    @property
    def is_default(self) -> bool:
        """Whether an environment that names no AirflowVersion gets this release."""
        return self.airflow_version == DEFAULT_AIRFLOW_VERSION

    def is_at_least(self, version: str) -> bool:
        """Whether this release's Airflow is that version or newer; for the few differences that are not data."""
        return Version(self.airflow_version) >= Version(version)

    @property
    def is_offered(self) -> bool:
        """Whether MWAA still makes environments of this release, as of September 2026."""
        return self.state == OFFERED

    @property
    def major(self) -> int:
        """The first number of the version: 2 of 2.10.3."""
        return Version(self.airflow_version).major

    def is_of(self, minor_version: str) -> bool:
        """Whether it is a release of that minor version, as 2.11.2 is of `2.11`."""
        return list(Version(self.airflow_version).release[:2]) == list(Version(minor_version).release)

    def is_newer_than(self, other: Release) -> bool:
        return Version(self.airflow_version) > Version(other.airflow_version)

    @property
    def base_image(self) -> str:
        """The image that a container's image stands on, unless the environment file names another."""
        return f"python:{self.python_version}-slim-bookworm"

    def named_by(self, constraints_url: str) -> Release | None:
        """Return the release, this or another, whose official constraints are at that address; None for any other."""
        if constraints_url in self.constraints_urls:
            return self
        match = _OFFICIAL_CONSTRAINTS.search(constraints_url)
        other = Release.load(match[1]) if match and match[1] in Release.versions() else None
        return other if other and constraints_url in other.constraints_urls else None

    def airflow_argv(self, python: str) -> tuple[str, ...]:
        """Return the words before those of any Airflow command; `python` is the interpreter of the package set."""
        return (python, *(word.format(bin=str(PurePath(python).parent)) for word in self.python_argv))

    def worker_name_argv(self, name: str) -> tuple[str, ...]:
        """Return what to append to `worker_argv` so that Celery calls the worker `name@host`; unique per worker."""
        return (self.worker_name_option, f"{name}@%h")

    @property
    def data_dir(self) -> Path:
        return CATALOGUE_DIR / self.airflow_version

    @property
    def constraints_path(self) -> Path:
        return self.data_dir / CONSTRAINTS_FILE

    @property
    def essential_constraints_path(self) -> Path:
        return self.data_dir / ESSENTIAL_CONSTRAINTS_FILE


@functools.cache
def _versions() -> tuple[str, ...]:
    return tuple(sorted((path.parent.name for path in CATALOGUE_DIR.glob(f"*/{RELEASE_FILE}")), key=Version))


@functools.cache
def _load(version: str) -> Release:
    folder = CATALOGUE_DIR / version
    data = _with_tuples(tomllib.loads((folder / RELEASE_FILE).read_text(encoding="utf-8")))
    packages = Packages(base=PinFile(folder / BASE_PACKAGES_FILE), **data.pop("packages"))
    essential = PinFile(folder / ESSENTIAL_CONSTRAINTS_FILE)
    absent = dict.fromkeys(_COMMANDS_THAT_MAY_BE_ABSENT)
    system = PinFile(folder / SYSTEM_PACKAGES_FILE)
    files = {"packages": packages, "essential_constraints": essential, "system_packages": system}
    return Release(**{**absent, **data, **files})


def _with_tuples(table: dict[str, Any]) -> dict[str, Any]:
    """Return the TOML table with arrays as tuples, in the tables within it too."""
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return {key: _with_tuples(value) if isinstance(value, dict) else value for key, value in plain.items()}


def _unknown(version: str, known: tuple[str, ...], mend: str) -> ReleaseUnknown:
    closest = _closest(version, known)
    return ReleaseUnknown(
        f"Amazon MWAA has no Airflow version {version!r}",
        f"It takes exact versions; the closest: {', '.join(closest)}.",
        f"{mend} {closest[0]}, or choose from what `mwaa-local releases` lists",
    )


def _closest(version: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return up to three releases that may be meant, the likeliest first."""
    try:
        wanted = Version(version)
    except ValueError:  # InvalidVersion, or a number too long for int()
        similar = difflib.get_close_matches(version, known, _SUGGESTIONS)
        return tuple(similar) or (DEFAULT_AIRFLOW_VERSION,)
    newest_first = reversed(known)  # decides between releases that are equally far
    return tuple(sorted(newest_first, key=lambda other: _distance(wanted, Version(other)))[:_SUGGESTIONS])


def _distance(wanted: Version, other: Version) -> tuple[int, int]:
    """Return a sort key, nearest first: by the first part that differs, of those `wanted` names, and by how much."""
    parts = list(zip(wanted.release, other.release, strict=False))
    for place, (one, two) in enumerate(parts):
        if one != two:
            return (-place, abs(one - two))
    return (-len(parts), 0)
