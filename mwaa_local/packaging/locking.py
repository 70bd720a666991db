"""Ask uv for the files of resolved packages, wherever the requirements file says that packages come from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.resolver import LISTING_PLATFORMS, Package, Question, Resolver
from mwaa_local.check.requirements.source import Source
from mwaa_local.check.showing import shown
from mwaa_local.errors import PackagesUnavailable


class FileResolver(Resolver):
    """A Resolver that takes packages from where the requirements file says, and names their files there."""

    def locked(self, packages: Mapping[str, Package], source: Source) -> Mapping[str, Mapping[str, Any]]:
        """Return PEP 751's entry of each package that is a file of an index: `wheels` and `sdist`, with hashes.

        Raises PackagesUnavailable when uv cannot tell.
        """
        pins = [f"{item.name}=={item.version}" for item in packages.values() if item.version]
        if not pins:
            return {}
        question = source.question(pins, (), {}, "files")
        output_path = self.path("pylock.toml")
        platform = LISTING_PLATFORMS[self.release.operating_system]
        argv = self._argv(_without_dependencies(question), output_path, "allow", platform)
        completed = self._run([*argv, "--format", "pylock.toml", "--quiet"])
        if not completed.ok:
            raise PackagesUnavailable(
                "the package index does not list the files of its packages",
                shown(completed.output.strip()),
                "check that the index answers, and run the command again",
            )
        entries: Sequence[dict[str, Any]] = tomllib.loads(output_path.read_text(encoding="utf-8")).get("packages", [])
        return {canonicalize_name(item["name"]): item for item in entries}


def _without_dependencies(question: Question) -> Question:
    return Question(question.requirements, with_dependencies=False, options=question.options)
