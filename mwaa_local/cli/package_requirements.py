"""`mwaa-local package-requirements`: plugins.zip and a requirements file for a private MWAA environment."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mwaa_local.cli.parameters import (
    AIRFLOW_VERSION_OPTION,
    JsonOption,
    ProjectOption,
    RequirementsArgument,
    known_version,
)
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import Console, table
from mwaa_local.errors import FileMissing, PackagesUnavailable
from mwaa_local.release import Release
from mwaa_local.remarks import WARNING, Remark

if TYPE_CHECKING:
    from mwaa_local.check.requirements.check import RequirementsCheck
    from mwaa_local.check.requirements.startup_exports import StartupScript
    from mwaa_local.environment.environment import Environment
    from mwaa_local.packaging.package import Incomplete, Packaged, Refusal
    from mwaa_local.packaging.proof import Proof

FAILED_EXIT_CODE = 1
DIR_NAME = "package"  # below `.mwaa-local/`
HEADERS = ("package", "version", "wheel", "size")
NO_WHEEL_HINT = (
    "hint: make these wheels on Amazon Linux (x86-64), put them into plugins/, and write "
    "`--find-links /usr/local/airflow/plugins` and their names and versions into the requirements file"
)
BUILT_MARK = " (built here)"


def package_requirements(
    file: RequirementsArgument = None,
    airflow_version: Annotated[
        str | None, typer.Option(AIRFLOW_VERSION_OPTION, help="Package for this release.", callback=known_version)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for the two files; default: .mwaa-local/package.")
    ] = None,
    no_proof: Annotated[bool, typer.Option("--no-proof", help="Do not test the package by installing it.")] = False,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Make plugins.zip and packaged_requirements.txt for an environment that cannot reach a package index.

    The zip has your plugins and a wheel for each package that MWAA's image lacks. Then pip installs the package without
    a network as a test, if the release's Python is on this machine. No Docker is needed.
    Exit codes: 0 done, 1 it does not work on MWAA, 3 it could not be made.

    Examples:

      mwaa-local package-requirements

      mwaa-local package-requirements --output dist --no-proof
    """
    from mwaa_local.check.requirements.startup_run import script_on_demand
    from mwaa_local.packaging.package import Order, make_package
    from mwaa_local.steps import Steps

    session = open_session(project_dir)
    environment = session.environment()
    release = Release.load(airflow_version) if airflow_version else session.release(environment)
    path = file or session.project.requirements_path
    if not path.exists():
        raise FileMissing(f"there is no {path}", "This is the file to package.", "name the requirements file")
    output_dir = output or session.project.state_dir / DIR_NAME
    steps = Steps(session.console.show_event)
    with script_on_demand(session.project, lambda: session.check_context(environment, release, steps)) as script:
        checking = _checking(session, environment, path, release, script)
        result = make_package(Order(checking, release, output_dir, session.cache_dir, not no_proof), steps)
    raise typer.Exit(show_result(session.console, release, result, as_json=as_json))


def _checking(
    session: Session, environment: Environment, path: Path, release: Release, script: StartupScript
) -> RequirementsCheck:
    from mwaa_local.check.requirements.check import RequirementsCheck
    from mwaa_local.check.requirements.startup_run import declared_variables
    from mwaa_local.configuration.option_names import translate

    options = translate(environment.airflow_configuration_options)
    declared = declared_variables(session.project, environment, release, session.env)
    return RequirementsCheck(session.project, path, session.env, options, script=script, declared=declared)


def show_result(console: Console, release: Release, result: Packaged | Incomplete | Refusal, *, as_json: bool) -> int:
    """Show what came out, and return the exit code that it makes."""
    from mwaa_local.packaging.package import Incomplete, Refusal

    if isinstance(result, Refusal):
        return _show_refusal(console, result, as_json=as_json)
    if isinstance(result, Incomplete):
        _show_incomplete(console, result, as_json=as_json)
        return FAILED_EXIT_CODE
    _show_packaged(console, release, result, as_json=as_json)
    return 0 if result.works else FAILED_EXIT_CODE


def _show_refusal(console: Console, refusal: Refusal, *, as_json: bool) -> int:
    """Show what `check requirements` says, and return its exit code."""
    from mwaa_local.check.report import formats as report

    exit_code = report.exit_code([refusal.checked])
    if not exit_code:  # what went wrong before went well in the check
        raise PackagesUnavailable(
            "the package index gave two answers", "The requirements first did not resolve, then did.", "try again"
        )
    if as_json:
        console.show_json({"outcome": "refused", **report.as_json([refusal.checked])})
    else:
        console.show(report.text([refusal.checked], colour=console.colour_shown))
        console.say("nothing was packaged")
    return exit_code


def _show_incomplete(console: Console, result: Incomplete, *, as_json: bool) -> None:
    from mwaa_local.check.showing import shown

    packages = [(shown(item.name), shown(item.version), shown(item.problem)) for item in result.packages]
    if as_json:
        plain = [dict(zip(("name", "version", "problem"), item, strict=True)) for item in packages]
        console.show_json({"outcome": "incomplete", "exit_code": FAILED_EXIT_CODE, "no_wheel": plain})
        return
    for name, version, problem in packages:
        console.show(f"no wheel for MWAA of {name} {version}".rstrip() + f": {problem}")
    console.say("nothing was packaged")
    console.say(NO_WHEEL_HINT)


def _show_packaged(console: Console, release: Release, result: Packaged, *, as_json: bool) -> None:
    from mwaa_local.check.plugins.layout import ADVISED_BYTES
    from mwaa_local.check.report.text import size

    if as_json:
        console.show_json(_as_plain(release, result))
    else:
        if result.wheels:
            rows = [
                (item.name, item.version, item.filename + BUILT_MARK * item.is_built, size(item.size_bytes))
                for item in result.wheels
            ]
            console.show(table(HEADERS, rows))
        plugins = f"{result.plugin_count} file{'s' * (result.plugin_count != 1)} of plugins/"
        wheels = f"{len(result.wheels)} wheel{'s' * (len(result.wheels) != 1)}"
        console.show(f"{_here(result.zip_path)}: {size(result.zip_bytes)}, {wheels}, {plugins}")
        console.show(_here(result.requirements_path))
        console.show(_proof_text(result.proof))
    if result.zip_bytes > ADVISED_BYTES:
        why = f"MWAA advises less than {size(ADVISED_BYTES)}: every container unpacks it at its start."
        console.show_remark(Remark(WARNING, "package", f"plugins.zip has {size(result.zip_bytes)}", why))
    if result.works and not as_json:
        console.say("upload both files to the environment's bucket, and name their new versions in the environment")


def _here(path: Path) -> str:
    """Return a path as the user would type it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _proof_text(proof: Proof) -> str:
    from mwaa_local.packaging.proof import Disproved, Proved

    if isinstance(proof, Proved):
        warnings = "".join(f"\nwarning: {line}" for line in proof.warnings)
        return f"proved: pip installed it without a network in {proof.elapsed_s:.1f} s{warnings}"
    if isinstance(proof, Disproved):
        return f"does not install: {proof.reason}"
    return f"not proved: {proof.why}"


def _as_plain(release: Release, result: Packaged) -> dict[str, Any]:
    """Return plain values for JSON. `proof.outcome` is `proved`, `disproved` or `not-tried`."""
    return {
        "outcome": "packaged",
        "exit_code": 0 if result.works else FAILED_EXIT_CODE,
        "airflow_version": release.airflow_version,
        "python_version": release.python_version,
        "plugins_zip": str(result.zip_path.absolute()),
        "requirements": str(result.requirements_path.absolute()),
        "zip_bytes": result.zip_bytes,
        "zip_sha256": result.zip_digest,
        "plugin_files": result.plugin_count,
        "wheels": [asdict(wheel) for wheel in result.wheels],
        "proof": _plain_proof(result.proof),
    }


def _plain_proof(proof: Proof) -> dict[str, Any]:
    from mwaa_local.packaging.proof import Disproved, Proved

    if isinstance(proof, Proved):
        elapsed_s = round(proof.elapsed_s, 3)
        return {"outcome": "proved", "elapsed_s": elapsed_s, "why": "", "warnings": list(proof.warnings)}
    if isinstance(proof, Disproved):
        return {"outcome": "disproved", "elapsed_s": None, "why": proof.reason, "warnings": []}
    return {"outcome": "not-tried", "elapsed_s": None, "why": proof.why, "warnings": []}
