"""What to do about pins that are in the way, other than to change the line. Pure.

Source: MWAA user guide, "Installing Python dependencies": constraints of your own in the DAGs folder, a copy of
Airflow's with the pins changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.rule import admits
from mwaa_local.check.requirements.source import ESSENTIAL_ORIGIN, Pin
from mwaa_local.release import PinFile, Release

SEPARATE = "run the task in a separate environment (PythonVirtualenvOperator)"
OWN = (
    "copy the constraints of Airflow {version} to dags/constraints.txt without {names}, and write `--constraint "
    "/usr/local/airflow/dags/constraints.txt`"
)


def ways_out(pins: Sequence[Pin], release: Release, line: Line, *, is_tried: bool = True) -> str:
    """Return what else there is to do about these pins, as one hint.

    `is_tried`: whether a change of the line was looked for. If not, to take the pin's version comes first.
    """
    same = [pin.text for pin in pins if pin.name == line.name and not pin.is_of_file]
    simple = [] if is_tried or not same else [f"write {same[0]}, the version of the constraints"]
    return ", or ".join([*simple, *_ways(pins, release, line)])


def _ways(pins: Sequence[Pin], release: Release, line: Line) -> Iterator[str]:
    later = _later_release(pins, release, line)
    if later:
        yield later
    own = [pin for pin in pins if pin.is_of_file]
    if any(pin.origin == ESSENTIAL_ORIGIN or pin.name in release.essential_constraints for pin in pins):
        yield SEPARATE  # these hold whatever constraints are named
    elif own:
        yield f"change {', '.join(f'{pin.text} ({pin.origin})' for pin in own)}"
    else:
        names = ", ".join(dict.fromkeys(pin.name for pin in pins))
        yield OWN.format(version=release.airflow_version, names=names)


def _later_release(pins: Sequence[Pin], release: Release, line: Line) -> str:
    """Return the next release that holds the package at a version which the line allows."""
    if line.requirement is None or [pin.name for pin in pins] != [line.name]:
        return ""
    versions = Release.versions()
    for version in versions[versions.index(release.airflow_version) + 1 :]:
        pins_then = PinFile(Release.load(version).constraints_path).items()
        held = next((pin for name, pin in pins_then if canonicalize_name(name) == line.name), "")
        if held and admits(line.requirement, held):
            return f"move to Airflow {version}, which has {line.name} {held}"
    return ""
