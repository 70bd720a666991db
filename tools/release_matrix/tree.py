"""Which state of the product is being tried: asked of git."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tools.bench.commands import BenchError
from tools.bench.sample import ROOT_DIR
from tools.release_matrix.cells import Tree

# What an environment is made of. The table itself, tests and the rest of the documents are not: to commit them makes no
# cell old.
PRODUCT = ("mwaa_local", "docker", "docker-compose.yml", "pyproject.toml")
DIGEST_LENGTH = 8


def tree_of(root_dir: Path = ROOT_DIR) -> Tree:
    """Return the last commit that changed the product, and a digest of changes that are not committed.

    Raises BenchError outside a git checkout: a cell would say of nothing what it is true of.
    """
    commit = _git(root_dir, "log", "-1", "--format=%h", "--", *PRODUCT).strip()
    changed = _git(root_dir, "status", "--porcelain", "--untracked-files=all", "--", *PRODUCT)
    if not changed:
        return Tree(commit)
    digest = hashlib.sha256(_git(root_dir, "diff", "HEAD", "--", *PRODUCT).encode())
    for line in changed.splitlines():
        if line.startswith("?? "):
            digest.update((root_dir / line[3:]).read_bytes())
    return Tree(commit, digest.hexdigest()[:DIGEST_LENGTH])


def _git(root_dir: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root_dir), *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"cells name the commit that they are true of, and git does not: {done.stderr.strip()}")
    return done.stdout
