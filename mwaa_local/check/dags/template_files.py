"""What in a project says that a template file which is not there will be there on MWAA. Reads files, runs nothing.

A build step, another repository or the startup script may bring files that nobody keeps in the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from mwaa_local.project import Project

_CLASS = re.compile(r"\[!?[^]]+\]")
MAX_BYTES = 1024 * 1024  # of a file that is searched; what people write is far smaller
IGNORE_FILE, SUBMODULES_FILE = ".gitignore", ".gitmodules"
# Where teams write down what is built and copied before a deployment.
BUILD_FILES = (
    SUBMODULES_FILE, "Makefile", "makefile", "justfile", "Taskfile.yml", "Jenkinsfile", "Dockerfile", ".gitlab-ci.yml",
    "azure-pipelines.yml", "bitbucket-pipelines.yml", "buildspec*.yml", "buildspec*.yaml", "cloudbuild.yaml",
    ".github/workflows/*.yml", ".github/workflows/*.yaml", ".circleci/config.yml", "*.sh", "scripts/*.sh", "bin/*.sh",
    "ci/*.sh", ".ci/*",
)  # fmt: skip


def is_brought(project: Project, name: str, folders: Sequence[str]) -> str:
    """Return what was seen that may bring a template file; "" for nothing.

    `name` is what the template is called, `folders` where Airflow looks for it, below the project's folder.
    """
    if name.startswith(("/", "~")) or "://" in name or " " in name:
        return ""  # Airflow looks for it below its folders, and so never finds it
    found = [PurePosixPath(folder) / name for folder in folders]
    paths = [path for path in found if not path.is_absolute()]  # nothing is known of other folders
    if any(".." in path.parts for path in paths):
        return ""
    for path in paths:
        for ignore in _ignore_files(project.root_dir, path):
            if _ignores(_text(ignore), path.relative_to(ignore.parent.relative_to(project.root_dir).as_posix())):
                return f"{ignore.relative_to(project.root_dir).as_posix()} keeps {path} out of the repository"
    words = {_first_missing(project.root_dir, path) for path in paths}
    for file in _build_files(project):
        text = _text(file)
        for word in sorted(words):
            if re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text):
                return f"{_shown(file, project.root_dir)} speaks of {word}"
    return ""


def _ignore_files(root_dir: Path, path: PurePosixPath) -> Iterator[Path]:
    for parent in path.parents:
        file = root_dir / parent / IGNORE_FILE
        if file.is_file():
            yield file


def _build_files(project: Project) -> Iterator[Path]:
    if project.startup_script_path.is_file():
        yield project.startup_script_path
    for pattern in BUILD_FILES:
        yield from sorted(path for path in project.root_dir.glob(pattern) if path.is_file())


def _first_missing(root_dir: Path, path: PurePosixPath) -> str:
    """Return the first part of a path that is not there, but for dags or plugins itself: a folder, or the file."""
    for depth in range(2, len(path.parts)):
        if not (root_dir / PurePosixPath(*path.parts[:depth])).is_dir():
            return path.parts[depth - 1]
    return path.name


def _ignores(text: str, path: PurePosixPath) -> bool:
    """Return whether the lines of a .gitignore, which lies above the path, keep the file out."""
    kept_out = False
    for line in text.splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        is_back = pattern.startswith("!")
        expression = _expression(pattern.lstrip("!"))
        for item in (path, *path.parents[:-1]):
            is_folder = item != path
            if (is_folder or not pattern.endswith("/")) and expression.fullmatch(item.as_posix()):
                kept_out = not is_back
                break
    return kept_out


def _expression(pattern: str) -> re.Pattern[str]:
    """Return a line of .gitignore as a regular expression for a path below the file's folder."""
    is_anchored = "/" in pattern.rstrip("/")
    parts = re.split(r"(\*\*/|/\*\*|\*\*|\*|\?|\[!?[^]]+\])", pattern.strip("/"))
    meanings = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    said = "".join(
        meanings.get(part) or (_class(part) if _CLASS.fullmatch(part) else re.escape(part)) for part in parts
    )
    return re.compile(said if is_anchored else f"(?:.*/)?{said}")


def _class(part: str) -> str:
    """Return `[!a-z]` as a regular expression; what makes no sense in one, as itself."""
    inner = part[1:-1].replace("\\", "\\\\").replace("[", r"\[")
    said = f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    try:
        re.compile(said)
    except re.error:
        return re.escape(part)
    return said


def _shown(file: Path, root_dir: Path) -> str:
    return file.relative_to(root_dir).as_posix() if file.is_relative_to(root_dir) else file.name


def _text(path: Path) -> str:
    """Return the beginning of a file; "" where it cannot be read."""
    try:
        with path.open("rb") as opened:
            return opened.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
