"""What to do about a module that an import did not find: one hint for each kind of reason, the surest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from mwaa_local.check.modules.airflow_features import name_hint
from mwaa_local.check.modules.names import (
    OF_SETUPTOOLS,
    OWN_NAMES,
    TEST_TOOLS,
    brings,
    distributions_of,
    is_known,
    why_absent,
)
from mwaa_local.check.modules.places import (
    MAX_PLACES,
    TOPS,
    Place,
    longest_below,
    module_below,
    modules_named,
)
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.check.requirements.provider_modules import distribution_of
from mwaa_local.release import PinFile, Release

PROVIDERS, AIRFLOW, SDK = "airflow.providers.", "airflow.", "airflow.sdk"
SDK_SINCE = "3.0.0"
SEE_REQUIREMENTS = "see `mwaa-local check requirements`"
UNTRIED = "requirements are not installed in this check"
FAILED = "the requirements could not be installed here"
SERVICE_MODULE = "mwaa"
PLUGINS_APART = "2.0.0"  # from which on plugins' operators, hooks and sensors are imported as other modules are
_OF_PLUGIN = re.compile(r"airflow\.(operators|hooks|sensors)\.(\w+)")
_TEST_FILE = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_test|conftest)\.py|.*/tests?/.*")


@dataclass(frozen=True)
class MissingModule:
    """A module that was not found. `name` is Python's word for it, `wanted` all that the import asks for."""

    name: str
    wanted: str
    path: str  # of the file that imports it, below the project's folder

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class OfImage:
    """Something of MWAA's image that is not here, with the anchor of that difference."""

    hint: str
    difference: str


@dataclass(frozen=True)
class ModuleHints:
    """Says what to do, for one project and release."""

    root_dir: Path
    release: Release
    requirements: Requirements

    def of(self, module: MissingModule) -> str:
        """Return the hint: one line, an edit."""
        if not (self.requirements.untried and self.may_be_on_mwaa(module)):
            return self._of(module)
        if place := self.asked_at(module):
            return f"{place} asks for what brings it; {UNTRIED}"
        return f"if a requirement brings it, ignore this: {UNTRIED}; else {self._of(module)}"

    def _of(self, module: MissingModule) -> str:
        kinds = (
            self._removed,
            self._of_airflow,
            self._prefixed,
            self._hidden,
            self._deeper,
            self._outside,
            self._of_tests,
            self._not_installed,
            self._asked_elsewhere,
        )
        hints = (hint for kind in kinds if (hint := kind(module)))
        return next(hints, self._nowhere(module))

    def may_be_on_mwaa(self, module: MissingModule) -> bool:
        """Whether requirements that are not installed here may bring the module.

        Also where pip failed for good and a folder that is not uploaded has the module: the line that the index here
        cannot resolve may be just that package, on an index of the project's own that nothing here names.
        """
        is_of_airflow = module.name.startswith(AIRFLOW) and not is_provider(module.wanted)
        is_uploaded = any(kind(module) for kind in (self._prefixed, self._hidden, self._deeper))
        is_gone = self._removed(module) and not (module.top in OF_SETUPTOOLS and self._asked("setuptools"))
        if is_of_airflow or is_uploaded or is_gone or module.top in OWN_NAMES:
            return False
        return self.requirements.may_differ or (self.requirements.failed and bool(self._places(module)))

    def of_image(self, module: str) -> OfImage | None:
        """Return what is known of a module that MWAA's image has and the packages here do not; None for any other."""
        top = module.partition(".")[0]
        if top == SERVICE_MODULE:
            return OfImage(
                "MWAA's image has its own module mwaa, and this machine has not: do without it", "support-module"
            )
        left_out = self.release.packages.left_out
        name = next((name for name in left_out if top and brings(name, top)), "")
        if not name:
            return None
        return OfImage(f"MWAA's image has {name}, which is left out here: {left_out[name]}", "package-differences")

    def may_be_newer(self, library: str) -> bool:
        """Whether requirements that are not installed here may bring another version of an installed module."""
        is_of_airflow = f"{library}.".startswith(AIRFLOW) and not is_provider(library)
        return bool(library) and self.requirements.may_differ and not is_of_airflow

    def of_newer(self, library: str) -> str:
        """Return the hint on an installed module that lacks something."""
        place = self.asked_at(MissingModule(library, library, ""))
        top = (is_provider(library) and distribution_of(library, self.release)) or library.partition(".")[0]
        asks = f"{place} asks for it" if place else "a requirement may bring it"
        return f"MWAA may have another version of {top}: {asks}, and {UNTRIED if self.requirements.untried else FAILED}"

    def asked_at(self, module: MissingModule) -> str:
        """Return the line that asks for a package that brings the module; "" if none does by its name."""
        name = distribution_of(module.wanted, self.release) if is_provider(module.wanted) else ""
        return self._asked(name) if name else self._asked_for(module)[1]

    def _removed(self, module: MissingModule) -> str:
        return why_absent(module.name, self.release.python_version)

    def _of_airflow(self, module: MissingModule) -> str:
        version = self.release.airflow_version
        if module.wanted.startswith(PROVIDERS):
            return self._of_provider(module.wanted)
        if module.wanted == SDK or module.wanted.startswith(f"{SDK}."):
            since = f"Airflow has {SDK} from {SDK_SINCE} on"
            if self.release.is_at_least(SDK_SINCE):
                return f"Airflow {version} has no such module"
            return f"{since}: on {version}, import DAG from airflow and dag, task from airflow.decorators"
        if module.name.startswith(AIRFLOW):
            return (
                name_hint((module.wanted,), self.release)
                or self._of_plugin(module)
                or f"Airflow {version} has no such module: look in the Python API of that version in its documentation"
            )
        return ""

    def _of_plugin(self, module: MissingModule) -> str:
        """Before Airflow 2, plugins put what they had below airflow.operators and the like."""
        found = _OF_PLUGIN.match(module.wanted)
        if found is None or not self.release.is_at_least(PLUGINS_APART):
            return ""
        names = (f"{found[1]}.{found[2]}", found[2])
        places = [place for name in names for top in TOPS if (place := module_below(self.root_dir, top, name))]
        places += [place for place in modules_named(self.root_dir, found[2]) if place.top in TOPS]
        place = next((item for item in places if item.path != module.path), None)
        start = f"plugins add nothing to airflow.{found[1]} from Airflow 2 on"
        return f"{start}: write `from {place.dotted} import …`" if place else ""

    def _of_provider(self, wanted: str) -> str:
        name = distribution_of(wanted, self.release)
        if not name:
            return f"add the provider package that has {wanted} to the requirements file"
        if place := self._asked(name):
            return self._not_brought(name, place, wanted)
        if version := self.release.packages.base.get(canonicalize_name(name), ""):
            return f"{name} {version} of MWAA's image has no {wanted}: import from the module that has it now"
        failed = f"; pip could not install the requirements as they are, {SEE_REQUIREMENTS}"
        return f"add {name} to {self.requirements.path}{failed if self.requirements.failed else self._pin_note(name)}"

    def _pin_note(self, name: str) -> str:
        pins = PinFile(self.release.constraints_path)
        version = pins.get(canonicalize_name(name))
        return f"; the constraints of Airflow {self.release.airflow_version} hold it at {version}" if version else ""

    def _asked(self, name: str) -> str:
        return self.requirements.asked.get(canonicalize_name(name), "")

    def _not_brought(self, name: str, place: str, module: str) -> str:
        if self.requirements.failed_here:
            return f"{place} asks for {name}, which could not be installed on this machine; MWAA may have it"
        if self.requirements.failed:
            return f"{place} asks for {name}, but pip could not install the requirements: {SEE_REQUIREMENTS}"
        return f"{place} asks for {name}, but what it brings has no {module}: look at its version and markers"

    def _prefixed(self, module: MissingModule) -> str:
        """A folder's own name in front: the folder is on Python's path, what contains it is not."""
        parts = module.wanted.split(".")
        length = next((number for number, part in enumerate(parts, 1) if part in TOPS), 0)
        if not length or "." in module.name:
            return ""
        top, rest = parts[length - 1], ".".join(parts[length:])
        found = next((item for item in (top, *TOPS) if rest and longest_below(self.root_dir, item, rest)), "")
        if length > 1 and not found:
            return ""  # a package of somebody else's, which has such a module
        start = f"leave out `{'.'.join(parts[:length])}.`: imports begin below {found or top}/"
        if not rest:
            return start
        return f"{start}, so write `{rest}`" if found else f"{start}, where there is no {rest.partition('.')[0]} either"

    def _hidden(self, module: MissingModule) -> str:
        """The project has it, but another package of the same name was found first."""
        if "." not in module.name:
            return ""
        there = [place for top in TOPS if (place := module_below(self.root_dir, top, module.name)) is not None]
        if not there:
            return ""
        top, first = module.top, there[0]
        others = [
            place.path
            for place in modules_named(self.root_dir, top)
            if place.top in TOPS and not first.path.startswith(f"{place.path}/") and place.path != first.path
        ]
        what = f"{others[0]}, which has the same name" if others else f"the installed package {top}"
        return f"{first.path} is hidden by {what}: rename one of them"

    def _deeper(self, module: MissingModule) -> str:
        """It lies in a folder below dags/ or plugins/: only these two are on the path, not a DAG file's own folder."""
        found = [place for place in self._places(module) if place.top in TOPS]
        if not found:
            return ""
        place = max(found, key=lambda item: _shared(item.path, module.path))
        where = f"it is {place.path}, and imports begin below {place.top}/"
        return f"{where}: write `{place.dotted}` instead of `{module.name}`"

    def _outside(self, module: MissingModule) -> str:
        """It lies beside dags/ and plugins/: MWAA does not get it."""
        found = [place.path for place in self._places(module)]
        if not found:
            return ""
        shown = ", ".join(found[:MAX_PLACES])
        if self.requirements.untried or not self.may_be_on_mwaa(module):  # `of` has said it of what is untried
            return f"{shown} is not uploaded: MWAA gets only dags/ and plugins/, so move it into one of them"
        return (
            f"if the requirements bring {module.top}, MWAA may have it: {FAILED}; else move {shown} into dags/ or "
            "plugins/, for it is not uploaded"
        )

    def _places(self, module: MissingModule) -> Sequence[Place]:
        """Return where the project has a module of that name, unless the name is that of a package."""
        is_package = self._is_sure(module) or bool(self._asked_for(module)[0])
        return () if "." in module.name or is_package else modules_named(self.root_dir, module.name)

    def _of_tests(self, module: MissingModule) -> str:
        if module.top not in TEST_TOOLS and not _TEST_FILE.fullmatch(module.path):
            return ""
        if self._asked_for(module)[0]:
            return ""
        folder = module.path.partition("/")[0]
        return f"tests are no DAG files: list them in {folder}/.airflowignore, or move them out of {folder}/"

    def _asked_for(self, module: MissingModule) -> tuple[str, str]:
        """Return package and place of the line that asks for what brings the module; two "" for none."""
        asked = self.requirements.asked.items()
        return next(((name, place) for name, place in asked if brings(name, module.wanted)), ("", ""))

    def _not_installed(self, module: MissingModule) -> str:
        name, place = self._asked_for(module)
        if name:
            return self._not_brought(name, place, module.wanted)
        if self.requirements.failed_here and self.may_be_on_mwaa(module):
            return "the requirements could not be installed on this machine; on MWAA they may bring it"
        if not self.requirements.failed or module.top in OWN_NAMES:
            return ""
        usual = distributions_of(module.wanted)[0]
        else_ = f"if they do not name {usual}, add it" if self._is_sure(module) else "they may bring it"
        return f"pip could not install the requirements: {SEE_REQUIREMENTS}; {else_}"

    def _asked_elsewhere(self, module: MissingModule) -> str:
        for name, place in self.requirements.elsewhere.items():
            if brings(name, module.wanted):
                return f"{place} asks for {name}, but MWAA installs {self.requirements.path}: move the line there"
        return ""

    def _is_sure(self, module: MissingModule) -> bool:
        """Whether the package's name is known: by our own list, or as one that Airflow's constraints have."""
        name = canonicalize_name(distributions_of(module.wanted)[0])
        return is_known(module.wanted) or name in PinFile(self.release.constraints_path)

    def _nowhere(self, module: MissingModule) -> str:
        name = distributions_of(module.wanted)[0]
        if module.top not in OWN_NAMES and self._is_sure(module):
            return f"add {name} to {self.requirements.path}"
        own = f"if {module.top} is your own module, put it into plugins/ or dags/"
        if module.top in OWN_NAMES or not module.top.isidentifier():
            return f"put {module.top} into plugins/ or dags/: neither has it"
        private = " (of your own index, too)" if self.requirements.has_own_source else ""
        others = [name for name in self.requirements.others if name != self.requirements.path]
        unread = f"; MWAA does not read {others[0]}" if others else ""
        return f"{own}; if a package{private} brings it, add that to {self.requirements.path}{unread}"


def is_provider(module: str) -> bool:
    """Whether a module would be one of a provider's."""
    return module.startswith(PROVIDERS)


def _shared(path: str, other: str) -> int:
    """Return how many folders two paths have in common, from the beginning."""
    count = 0
    for mine, theirs in zip(path.split("/"), other.split("/"), strict=False):
        if mine != theirs:
            break
        count += 1
    return count
