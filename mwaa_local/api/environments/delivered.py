"""Plugins, requirements and startup script of an environment that the API made, fetched from its source bucket.

As on MWAA they change only with the environment, at the versions that it names; DAGs come by `mwaa_local.sync`.
Two steps, so that a fetch that fails changes nothing: all is fetched into a folder beside, then the project's folders
are made equal to that. Files are replaced one by one in folders that stay the same, since components that run see the
folders themselves. What is ours there is listed with its digest; files of others, those that were changed since, and
whatever a link leads to are neither replaced nor removed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mwaa_local.api.environments.bucket import Bucket
from mwaa_local.api.environments.record import service_dir
from mwaa_local.api.environments.unpacking import unpack
from mwaa_local.delivery import REQUIREMENTS_FILE, STARTUP_SCRIPT
from mwaa_local.files import read_json, remove_tree, write_private
from mwaa_local.project import Project
from mwaa_local.sync.own_files import remove_synced

FETCHED_NAME, BEFORE_NAME, LIST_NAME = "fetched", "before", "files.json"
COMPLETE_NAME = ".complete"
PLUGINS_ZIP = "plugins.zip"
FOLDERS = ("plugins", "requirements", "startup")
PART = ".mwaa-local-part"  # ends the name of a file that is not whole yet
Digests = tuple[str, ...]  # of one file that is ours; several while it is being replaced
HINT = "remove the file; then the environment's files count as its user's"


def fetch(bucket: Bucket, members: Mapping[str, Any], project: Project, say: Callable[[str], None]) -> Path:
    """Fetch the files that the members name; return the folder. Raises BucketUnreadable."""
    folder = service_dir(project) / FETCHED_NAME
    remove_tree(folder)
    folder.mkdir(parents=True)
    told = []
    for member, target in (("RequirementsS3", REQUIREMENTS_FILE), ("StartupScriptS3", STARTUP_SCRIPT)):
        if key := members.get(f"{member}Path"):
            bucket.fetch(key.lstrip("/"), folder / target, members.get(f"{member}ObjectVersion"))
            told.append(key)
    if key := members.get("PluginsS3Path"):
        bucket.fetch(key.lstrip("/"), folder / PLUGINS_ZIP, members.get("PluginsS3ObjectVersion"))
        unpack(folder / PLUGINS_ZIP, folder / "plugins", f"s3://{bucket.name}/{key}")
        (folder / PLUGINS_ZIP).unlink()
        told.append(key)
    if told:
        say(f"copied from s3://{bucket.name}: {', '.join(told)}")
    return folder


class Delivered:
    """The files in a project's folders that came from its source bucket."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._list_path = service_dir(project) / LIST_NAME

    def keep(self, operation_id: str) -> None:
        """Keep the present files of an update's folders, to be put back; what that operation kept already stays."""
        target = service_dir(self._project) / BEFORE_NAME
        if self._is_kept(operation_id):
            return
        remove_tree(target)
        target.mkdir(parents=True)
        for name, digests in self._listed().items():
            path = self._project.root_dir / name
            if name.startswith(tuple(f"{folder}/" for folder in FOLDERS)) and self._is_ours(name, digests):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target / name)
        (target / COMPLETE_NAME).write_text(operation_id)

    def put_back(self, operation_id: str) -> list[str]:
        """Bring back what that operation kept, nothing where it kept nothing; return what stays as it is, and why."""
        if not self._is_kept(operation_id):
            return []
        return self._make_equal(service_dir(self._project) / BEFORE_NAME, FOLDERS)

    def forget_kept(self) -> None:
        for name in (BEFORE_NAME, FETCHED_NAME):
            remove_tree(service_dir(self._project) / name)

    def _is_kept(self, operation_id: str) -> bool:
        try:
            return (service_dir(self._project) / BEFORE_NAME / COMPLETE_NAME).read_text() == operation_id
        except FileNotFoundError:
            return False

    def apply(self, source: Path) -> list[str]:
        """Make the project's folders equal to what was fetched; return which files stay as they are, and why."""
        return self._make_equal(source, FOLDERS)

    def remove(self) -> None:
        """Remove the files that came from the bucket and are as they came, and folders that are empty then."""
        remove_synced(self._project)
        for name, digests in self._listed().items():
            if self._is_ours(name, digests):
                (self._project.root_dir / name).unlink()
        for folder in ("dags", *FOLDERS):
            remove_empty(self._project.root_dir / folder)

    def _make_equal(self, source: Path, folders: tuple[str, ...]) -> list[str]:
        known = self._listed()
        wanted = {
            path.relative_to(source).as_posix(): path
            for folder in folders
            for path in sorted((source / folder).rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
        unwanted = [name for name in known if name not in wanted and name.startswith(tuple(f"{f}/" for f in folders))]
        digests = {name: _digest(path) for name, path in wanted.items()}
        checked = [
            (name, self._in_the_way(name, known.get(name, ()), digests.get(name))) for name in (*wanted, *unwanted)
        ]
        in_the_way = {name: what for name, what in checked if what}
        puts = {name: digest for name, digest in digests.items() if name not in in_the_way}
        # Listed before it is there: a file of ours that is not listed would stay for ever. Who is killed meanwhile
        # leaves the one of before or that of after, and both are ours.
        self._save({**known, **{name: (*known.get(name, ()), digest) for name, digest in puts.items()}})
        for name in puts:
            self._put(wanted[name], self._project.root_dir / name)
        for name in unwanted:
            if name not in in_the_way:
                (self._project.root_dir / name).unlink(missing_ok=True)
            del known[name]  # what was changed is its user's from now on
        self._save({**known, **{name: (digest,) for name, digest in puts.items()}})
        return [f"{name} stays as it is: {what}" for name, what in in_the_way.items()]

    def _in_the_way(self, name: str, known: Digests, wanted: str | None) -> str:
        """Say why what is there is neither replaced nor removed; "" where it may be."""
        path = self._project.root_dir / name
        if self._is_behind_link(name):
            return "a link is in its place, or leads to it"
        if not path.exists() or _digest(path) in (*known, wanted):
            return ""
        return "it was changed since it came from the bucket" if known else "it is a file that is not from the bucket"

    def _is_ours(self, name: str, known: Digests) -> bool:
        return not self._is_behind_link(name) and _digest(self._project.root_dir / name) in known

    def _is_behind_link(self, name: str) -> bool:
        """Whether the file, or a folder on the way to it, is a link, which may lead out of the project's folder."""
        return any(
            (self._project.root_dir / each).is_symlink() for each in (name, *map(str, PurePosixPath(name).parents))
        )

    def _put(self, source: Path, target: Path) -> None:
        if _digest(target) == _digest(source):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}{PART}")
        part.unlink(missing_ok=True)  # as a link, it would be written through
        shutil.copy(source, part)
        part.replace(target)

    def _listed(self) -> dict[str, Digests]:
        if not self._list_path.exists():
            return {}
        plain = read_json(self._list_path, "the list", HINT)
        return {name: (known,) if isinstance(known, str) else tuple(known) for name, known in plain.items()}

    def _save(self, listed: Mapping[str, Digests]) -> None:
        write_private(self._list_path, json.dumps(listed, indent=1))


def remove_empty(folder: Path) -> None:
    """Remove a folder and those in it, as far as there is nothing in them; Python's caches count as nothing."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in list(folder.iterdir()):
        if path.name == "__pycache__" or path.name.endswith(PART):
            remove_tree(path, ignore_errors=True)
        elif path.is_dir() and not path.is_symlink():
            remove_empty(path)
    if not any(folder.iterdir()):
        folder.rmdir()


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; "" for what is none."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
