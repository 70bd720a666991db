"""What MWAA's image has in another way after a move: Python, operating system, providers, packages, commands. Pure.

All of it is in the catalogue of releases. Warnings where a file of the project has to do with it, notes elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mwaa_local.finding import NOTE, WARNING, Finding, in_order
from mwaa_local.release import Release
from mwaa_local.upgrade.changes import ChangesCase
from mwaa_local.upgrade.paths import Direction

PYTHON, SYSTEM, IMAGE = "upgrade-python", "upgrade-system", "upgrade-image"
RULES = {
    PYTHON: "MWAA runs the new release on another Python",
    SYSTEM: "MWAA runs the new release on another operating system",
    IMAGE: "packages, providers or commands of MWAA's image are others in the new release",
}
MAX_NAMED = 5  # things in one sentence
COUNTED_MAJOR = 20  # a major version from here on is a year, or says how many releases there were
AIRFLOW = "apache-airflow"  # with which the names of its own packages begin
OLD_SYSTEM, OF_OLD_SYSTEM = "Amazon Linux 2", r"\bamazon-linux-extras\b"


def image_findings(case: ChangesCase) -> tuple[Finding, ...]:
    """Return the findings."""
    return in_order([*_of_python(case), *_of_system(case), *_of_image(case), *_of_packages(case), *_of_majors(case)])


def _of_python(case: ChangesCase) -> Iterator[Finding]:
    old, new = case.move.source.python_version, case.move.target.python_version
    if old == new:
        return
    tag = f"cp{old.replace('.', '')}"
    why = "Wheels that you bring along, and paths with the version in them, are for one Python alone."
    hint = f"look for {old} in your scripts, and for wheels with {tag} in their names"
    yield Finding(PYTHON, NOTE, case.path, 0, f"Python {new} takes the place of {old}", why, hint)
    newer = case.move.direction is Direction.UPGRADE
    wheels = rf"-{tag}-(?!abi3-).*\.whl$" if newer else rf"-{tag}-.*\.whl$"  # abi3 fits all later ones
    for path, line in (*case.sources.names_python(old), *case.sources.files(wheels)):
        what = f"this is for Python {old}, and MWAA runs {new} then"
        yield Finding(PYTHON, WARNING, path, line, what, hint=f"make it fit Python {new}")


def _of_system(case: ChangesCase) -> Iterator[Finding]:
    old, new = case.move.source.operating_system, case.move.target.operating_system
    if old == new or not case.sources.has_script:
        return
    why, hint = "Names and versions of system packages differ.", "look at what the startup script installs"
    yield Finding(SYSTEM, NOTE, case.path, 0, f"{new} takes the place of {old}", why, hint)
    for path, line in case.sources.places_in_script(OF_OLD_SYSTEM) if old == OLD_SYSTEM else ():
        what, hint = f"{new} has no amazon-linux-extras", "install the package with dnf"
        yield Finding(SYSTEM, WARNING, path, line, what, "The command fails.", hint)


def _of_image(case: ChangesCase) -> Iterator[Finding]:
    source, target = case.move.source, case.move.target
    gone = sorted(set(source.providers) - set(target.providers))
    if gone := [name for name in gone if case.sources.imported(_module(name)) and not _is_brought(case, name)]:
        what, hint = f"providers of yours that are not in the image then: {_some(gone)}", "add them to the requirements"
        yield Finding(IMAGE, NOTE, case.path, 0, what, "", hint)
    if majors := [change for name, change in _majors(source, target) if case.sources.imported(_module(name))]:
        what = f"providers of yours with another major version: {_some(majors)}"
        why = "It may lack what DAGs use. What they import was tried; what they call, only a run can show."
        yield Finding(IMAGE, NOTE, case.path, 0, what, why, "read their change logs")
    if gone := sorted(set(source.cli_commands) - set(target.cli_commands)):
        what = f"commands that /aws_mwaa/cli does not run then: {_some(gone)}"
        yield Finding(IMAGE, NOTE, case.path, 0, what, "", "change scripts that call them")
    if source.rest_base != target.rest_base:
        what = f"the REST API is at {target.rest_base}; it was at {source.rest_base}"
        why, hint = "Paths, names and errors differ.", "change clients of InvokeRestApi"
        yield Finding(IMAGE, NOTE, case.path, 0, what, why, hint)


def _is_brought(case: ChangesCase, provider: str) -> bool:
    """Whether the project has a provider of its own, or may have: then nothing is to be said."""
    package = f"{AIRFLOW}-providers-{provider}"
    return case.installed is None or package in case.installed or case.sources.brings(package)


def _of_packages(case: ChangesCase) -> Iterator[Finding]:
    """Yield imports of packages that only the old image has, wherever they are: one within a task fails only there."""
    source, target = case.move.source, case.move.target
    if case.installed is None:
        return
    for name in sorted(source.packages.base.keys() - target.packages.base.keys() - case.installed):
        for path, line in () if case.sources.brings(name) else case.sources.imported(name.replace("-", "_")):
            what = f"{name} is not in the image of Airflow {target.airflow_version}"
            why = f"This file imports it; the image of Airflow {source.airflow_version} has it."
            yield Finding(IMAGE, WARNING, path, line, what, why, f"add {name} to the requirements file")


def _of_majors(case: ChangesCase) -> Iterator[Finding]:
    """Yield packages of the image that a file imports and that come in another major version; providers are apart."""
    source, target = case.move.source.packages.base, case.move.target.packages.base
    if case.installed is None:
        return
    for name in sorted(source.keys() & target.keys() - case.installed):
        old, new = source[name], target[name]
        if _major(old) == _major(new) or name.startswith(AIRFLOW) or case.sources.brings(name):
            continue
        if int(_major(new)) >= COUNTED_MAJOR:
            continue
        places = case.sources.imported(name.replace("-", "_"))
        more = f", and {len(places) - 1} more of your files do" if len(places) > 1 else ""
        why = f"This file imports it{more}. Imports were tried; what is called within a task, only a run can show."
        for path, line in places[:1]:
            what = f"{name} {new} takes the place of {old}"
            yield Finding(IMAGE, NOTE, path, line, what, why, "read its change log")


def _majors(source: Release, target: Release) -> Iterator[tuple[str, str]]:
    for name, version in sorted(target.providers.items()):
        old = source.providers.get(name, "")
        if old and _major(old) != _major(version):
            yield name, f"{name} {old} → {version}"


def _major(version: str) -> str:
    return version.partition(".")[0]


def _module(provider: str) -> str:
    return f"airflow.providers.{provider.replace('-', '.')}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
