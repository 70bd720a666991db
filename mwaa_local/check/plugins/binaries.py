"""The rules on compiled files and wheels among plugins."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from mwaa_local.check.binaries import glibc_minor, is_binary, python_minor, wheel_tags, why_not_loadable
from mwaa_local.check.plugins.survey import MAX_BINARY_BYTES, SOURCE_SUFFIX, WHEEL_SUFFIX, Survey
from mwaa_local.finding import ERROR, WARNING, Finding

SNIFFED_BYTES = 1024
LIBRARY_SUFFIXES = (".so", ".pyd", ".dylib", ".dll")


def binary_findings(survey: Survey) -> Iterator[Finding]:
    for rule in (_binaries, _wheels):
        yield from rule(survey)


def _binaries(survey: Survey) -> Iterator[Finding]:
    for entry in survey.files:
        if entry.name.endswith((SOURCE_SUFFIX, WHEEL_SUFFIX)) or entry.is_encrypted:
            continue
        start = survey.begin(entry, SNIFFED_BYTES)
        if start is None or not is_binary(start):
            continue
        content = survey.begin(entry, MAX_BINARY_BYTES)
        if content and (problem := why_not_loadable(entry.name, content, survey.release)):
            is_library = entry.name.endswith(LIBRARY_SUFFIXES) or ".so." in entry.parts[-1]
            kind = "library" if is_library else "program"
            what = f"this {kind} does not run on MWAA: {problem}"
            why = _platform(survey)
            hint = "build or download it for that platform"
            yield survey.finding("foreign-binary", ERROR if is_library else WARNING, entry, what, why, hint)


def _wheels(survey: Survey) -> Iterator[Finding]:
    fitting = wheel_tags(python_minor(survey.release), glibc_minor(survey.release))
    foreign, supplied = [], set()
    for entry in survey.files:
        if not entry.name.endswith(WHEEL_SUFFIX):
            continue
        try:
            name, version, _, found = parse_wheel_filename(entry.parts[-1])
        except InvalidWheelFilename as error:
            hint = "rename it to the name it was downloaded with"
            yield survey.finding("wheel-name", WARNING, entry, "pip ignores this wheel", str(error), hint)
            continue
        if found & fitting:
            supplied.add(name)
        else:
            foreign.append((entry, name, f"{name}=={version}"))
    for entry, name, requirement in foreign:
        severity = WARNING if name in supplied else ERROR
        what = "pip on MWAA rejects this wheel: its tags are for another platform or Python"
        hint = (
            f"pip download --only-binary :all: --platform manylinux2014_x86_64 --python-version "
            f"{survey.release.python_version} {requirement}"
        )
        yield survey.finding("foreign-binary", severity, entry, what, _platform(survey), hint)


def _platform(survey: Survey) -> str:
    release = survey.release
    system = f"Linux on x86-64 with glibc 2.{glibc_minor(release)} ({release.operating_system})"
    return f"Airflow {release.airflow_version} on MWAA runs on {system} and Python {release.python_version}."
