"""`tests/aws/`: what the local AWS holds from the start. Pure but for looking into that folder.

    tests/aws/s3/BUCKET/…       each folder a bucket, each file below it an object
    tests/aws/secrets.yaml      Secrets Manager: name -> text, or a mapping that becomes JSON
    tests/aws/parameters.yaml   Systems Manager parameters: name -> text, a list, or {Type: SecureString, Value: …}

Not for putting it in: `guest/aws` does that whenever it starts, where nothing of that name is there yet.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mwaa_local.environment.service_model import KeyPath, closest_name
from mwaa_local.errors import SeedProblem, SettingsFileInvalid
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.seeding.file import SeedFile, combine, counts, remarks_on

T = TypeVar("T")

FOLDER = "tests/aws"
SECRETS_FILE, PARAMETERS_FILE, S3_DIR = "secrets.yaml", "parameters.yaml", "s3"
KEEP_FILES = (".gitkeep", ".keep")  # what makes git keep a folder that is to be an empty bucket
# The services' own rules (their API references, CreateBucket, CreateSecret and PutParameter).
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
PARAMETER_NAME = re.compile(r"/[A-Za-z0-9_./-]{1,2046}|[A-Za-z0-9_.-]{1,2047}")
DIGEST_BYTES = 12
PARAMETER_TYPES = ("String", "StringList", "SecureString")


@dataclass(frozen=True)
class Parameter:
    """One parameter of Systems Manager."""

    name: str
    value: str = field(repr=False)
    type: str = "String"


@dataclass(frozen=True)
class Fixtures:
    """What the folder holds. `objects` are (bucket, key, path of the file relative to the folder)."""

    buckets: tuple[str, ...] = ()
    objects: tuple[tuple[str, str, str], ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: tuple[Parameter, ...] = ()
    oddities: tuple[SeedProblem, ...] = ()  # worth a look, though all can be used

    @classmethod
    def load(cls, project: Project) -> Fixtures:
        """Return what the project's folder holds, nothing without one.

        Raises SettingsFileInvalid, listing every mistake in the files and every folder that cannot be a bucket.
        """
        folder = fixtures_dir(project)
        oddities = list(_unread_files(folder))
        buckets, objects, errors = _s3(folder / S3_DIR)
        secrets: Mapping[str, str] = {}
        parameters: tuple[Parameter, ...] = ()
        try:
            secrets = _Values(folder / SECRETS_FILE, oddities).secrets()
        except SettingsFileInvalid as error:
            errors.append(error)
        try:
            parameters = _Values(folder / PARAMETERS_FILE, oddities).parameters()
        except SettingsFileInvalid as error:
            errors.append(error)
        if errors:
            raise combine(FOLDER, errors)
        return cls(buckets, objects, secrets, parameters, tuple(oddities))

    def to_json(self, region: str, folder: str) -> dict[str, Any]:
        """Return what the server starts from; it sees the fixtures in `folder`."""
        return {
            "region": region,
            "folder": folder,
            "buckets": list(self.buckets),
            "objects": [list(item) for item in self.objects],
            "secrets": dict(self.secrets),
            "parameters": [{"Name": item.name, "Value": item.value, "Type": item.type} for item in self.parameters],
        }

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is odd about the files, for people."""
        return remarks_on(self.oddities, FOLDER)

    @property
    def counts(self) -> str:
        """What there is, for people: `1 bucket, 2 objects`; "" for nothing."""
        kinds = (
            ("bucket", self.buckets),
            ("object", self.objects),
            ("secret", self.secrets),
            ("parameter", self.parameters),
        )
        return counts(kinds)


def fixtures_dir(project: Project) -> Path:
    """Return where the fixtures are; the folder need not exist."""
    return project.root_dir / FOLDER


def fixtures_version(start_values: Mapping[str, Any], folder: Path, key: str) -> str:
    """Return what changes with any fixture, objects by size and time; it tells no value without the key."""
    files = [(path, (folder / path).stat()) for _, _, path in start_values["objects"]]
    parts = [dict(start_values), [(path, about.st_size, about.st_mtime_ns) for path, about in files]]
    return hashlib.blake2b(json.dumps(parts).encode(), key=key.encode()[:64], digest_size=DIGEST_BYTES).hexdigest()


def _unread_files(folder: Path) -> Iterator[SeedProblem]:
    known = (SECRETS_FILE, PARAMETERS_FILE)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix in (".yaml", ".yml", ".json") and path.name not in known:
            meant = closest_name(path.stem, [Path(name).stem for name in known])
            hint = f"rename it to {meant}.yaml" if meant else f"files that are read: {', '.join(known)}"
            yield SeedProblem(folder, 0, f"{FOLDER}/{path.name} is not read", "", hint)


def _s3(folder: Path) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...], list[SettingsFileInvalid]]:
    """Return buckets, objects, and what can be neither."""
    buckets, objects, errors = [], [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name in KEEP_FILES:
            continue
        place = f"{FOLDER}/{S3_DIR}/{path.name}"
        if not path.is_dir():
            what = f"{place} is in no bucket"
            why = f"Each folder below {FOLDER}/{S3_DIR}/ is a bucket, and objects are files in it."
            errors.append(
                _misplaced(path, what, why, f"move it into a folder: {FOLDER}/{S3_DIR}/my-bucket/{path.name}")
            )
            continue
        if not BUCKET_NAME.fullmatch(path.name):
            why = "A bucket's name has 3 to 63 lower-case letters, digits, hyphens and dots."
            errors.append(_misplaced(path, f"{place} cannot be a bucket", why, "rename the folder"))
            continue
        buckets.append(path.name)
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.name not in KEEP_FILES)
        for file in files:
            objects.append((path.name, file.relative_to(path).as_posix(), f"{S3_DIR}/{file.relative_to(folder)}"))
    return tuple(buckets), tuple(objects), errors


def _misplaced(path: Path, what: str, why: str, hint: str) -> SettingsFileInvalid:
    error = SettingsFileInvalid(what, why, hint)
    error.problems = (SeedProblem(path, 0, what, why, hint),)
    return error


class _Values:
    """Reads one of the two YAML files."""

    def __init__(self, path: Path, oddities: list[SeedProblem]) -> None:
        self._file = SeedFile.read(path)
        self._oddities = oddities

    def secrets(self) -> dict[str, str]:
        found = {}
        for name, value in self._entries(SECRET_NAME, "letters, digits and / _ + = . @ -"):
            found[name] = self._text((name,), value)
        return self._done(found)

    def parameters(self) -> tuple[Parameter, ...]:
        rule = "letters, digits and _ . - / , and begin with / where one is inside"
        return self._done(tuple(self._parameter(name, value) for name, value in self._entries(PARAMETER_NAME, rule)))

    def _entries(self, pattern: re.Pattern[str], allowed: str) -> Iterator[tuple[str, Any]]:
        if self._file is None:
            return
        for name, value in self._file.mapping((), self._file.file.data).items():
            if not pattern.fullmatch(name):
                self._file.violate((name,), f"a name may hold {allowed}", "choose a name that AWS takes")
            yield name, value

    def _parameter(self, name: str, value: Any) -> Parameter:
        assert self._file is not None
        if isinstance(value, list):
            return Parameter(name, ",".join(self._text((name, n), item) for n, item in enumerate(value)), "StringList")
        if not isinstance(value, Mapping):
            return Parameter(name, self._text((name,), value))
        members = self._file.mapping((name,), value, ("Type", "Value"))
        kind = members.get("Type", "String")
        if kind not in PARAMETER_TYPES:
            rule = f"must be one of {', '.join(PARAMETER_TYPES)}"
            self._file.violate((name, "Type"), rule, "write Type: SecureString, or leave it out")
        return Parameter(name, self._text((name, "Value"), members.get("Value")), str(kind))

    def _text(self, path: KeyPath, value: Any) -> str:
        """Return a value as the file shows it; a mapping or a list as JSON. AWS stores no empty ones."""
        assert self._file is not None
        if isinstance(value, (Mapping, list)):
            return json.dumps(value)
        text = self._file.file.written.get(path, value)
        if text in (None, ""):
            self._file.violate(path, "has no value", "give it one, or remove the entry")
        return str(text or "")

    def _done(self, found: T) -> T:
        if self._file is not None:
            self._file.raise_for_violations()
            self._oddities += self._file.oddities
        return found
