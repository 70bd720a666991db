"""ruff's advice on what a failed import wanted of Airflow, also in modules that DAG files import.

ruff tells of a name where it is used, and a module may only pass it on: here each such name is used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from mwaa_local.check.dags.air import air_findings
from mwaa_local.check.dags.import_results import ImportedDags
from mwaa_local.finding import Finding
from mwaa_local.release import Release
from mwaa_local.scratch import scratch_folder

AIRFLOW = "airflow."


def advice_on_failures(
    imported: ImportedDags, root_dir: Path, release: Release, env: Mapping[str, str]
) -> list[Finding]:
    """Return findings whose subjects are what was missing, for `deduplicate` to make hints of."""
    missing: dict[str, set[str]] = {}
    for failure in (failure for file in imported.files for failure in file.failures):
        if failure.missing.startswith(AIRFLOW) and failure.path.endswith(".py"):
            missing.setdefault(failure.path, set()).add(failure.missing)
    if not missing:
        return []
    with scratch_folder("mwaa-local-advice-") as folder:
        paths = [_used(root_dir / path, folder / path) for path in missing]
        found = air_findings([path for path in paths if path is not None], folder, release, env, imported.names)
    return [item for item in found if any(_is_of(item, module) for module in missing[item.path])]


def _is_of(finding: Finding, module: str) -> bool:
    return any(subject.name.startswith(f"{module}.") for subject in finding.subjects)


def _used(path: Path, target: Path) -> Path | None:
    """Write a file that imports what the other one imports of Airflow, and uses it; None if that is nothing."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = list(_statements(tree))
    if not lines:
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(lines), encoding="utf-8")
    return target


def _statements(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and f"{node.module}.".startswith(AIRFLOW):
            for alias in node.names:
                if alias.name != "*":
                    yield f"from {node.module} import {alias.name}\n{alias.name}()\n"
