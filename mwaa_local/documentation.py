"""Where the documentation is for whoever has only the installed package, and which findings point into it."""

from __future__ import annotations

from collections.abc import Mapping

REPOSITORY_URL = "https://github.com/mwaa-local/mwaa-local"
ISSUES_URL = f"{REPOSITORY_URL}/issues"
DIFFERENCES_PATH = "docs/differences.md"

# Rule and severity of findings whose verdict a known difference from MWAA can change -> the anchor of that difference.
# Where only some findings of a rule are of that kind, whoever makes them names it (`Finding.see`).
DIFFERENCE_OF: Mapping[tuple[str, str], str] = {
    ("build-fails-here", "warning"): "check-build",
    ("build-not-tried", "note"): "check-build",
    ("dag-import-crash", "error"): "dags-limits",
    ("dag-import-slow", "warning"): "dags-limits",
    ("dag-import-timeout", "error"): "dags-limits",
    ("dag-import-timeout", "warning"): "dags-network",
    ("environment-member-ignored", "note"): "environment-members",
    ("install-failed", "warning"): "dags-requirements",
    ("long-resolution", "error"): "check-pip-time",
    ("long-resolution", "warning"): "check-pip-time",
    ("no-wheel", "error"): "check-build",
    ("option-without-users", "warning"): "basic-auth",
    ("pip-not-asked", "note"): "check-choice",
    ("policy-without-effect", "warning"): "local-settings",
    ("python-stands-in", "warning"): "python-patch",
    ("requirements-elsewhere", "warning"): "requirements-folder",
    ("script-not-executable", "warning"): "execute-bits",
    ("startup-command-failed", "note"): "sudo-yum",
    ("startup-script-fails", "warning"): "sudo-yum",
    ("top-level-database", "note"): "dags-database",
    ("top-level-database", "warning"): "dags-database",
    ("upgrade-path", "error"): "choice-version-path",
    ("write-below-dags", "warning"): "dags-writable",
}


def page_url(name: str) -> str:
    """Return the address of a page of the documentation."""
    return f"{REPOSITORY_URL}/blob/main/docs/{name}"


def difference_url(anchor: str) -> str:
    """Return the address of a difference; "" for none."""
    return f"{REPOSITORY_URL}/blob/main/{DIFFERENCES_PATH}#{anchor}" if anchor else ""
