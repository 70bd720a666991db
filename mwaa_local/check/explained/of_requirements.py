"""Rules on requirements files: what comes out of resolving, and what is to be said of lines. Data."""

from __future__ import annotations

from mwaa_local.check.explained.text import RuleText
from mwaa_local.check.requirements import resolution, rules
from mwaa_local.check.requirements.pip_choice import LONG_RESOLUTION, PIP_NOT_ASKED
from mwaa_local.check.requirements.provider_modules import PROVIDER_MISSING, PROVIDER_MODULE_MISSING
from mwaa_local.check.requirements.source_findings import (
    BUILD_FAILS_HERE,
    BUILD_NOT_TRIED,
    BUILT_FROM_SOURCE,
    NO_WHEEL,
)
from mwaa_local.check.requirements.startup_findings import EXPORTS_UNKNOWN, SETTING_NOT_FOLLOWED
from mwaa_local.check.requirements.yanked import YANKED_RELEASE
from mwaa_local.finding import ERROR, NOT_CHECKED, NOTE, WARNING

_WITHOUT = "pip then installs none of the packages, and Airflow starts without them."
_AT_EVERY_START = "Every container installs the file when it starts, within nine minutes."


def _text(rule: str, severities: tuple[str, ...], why: str, todo: str, more: str = "") -> RuleText:
    return RuleText(rule, severities, f"{resolution.RULES[rule]}{more}", why, todo)


OF_RESOLUTION = (
    _text(resolution.CONFLICT, (ERROR,), f"No set of versions fits: {_WITHOUT}", "Take the change that it proposes."),
    _text(
        NO_WHEEL,
        (ERROR,),
        f"The package is built from source, and its build needs what MWAA's image lacks: {_WITHOUT}",
        "Take a version with a wheel, or put a wheel that you built into plugins.zip.",
    ),
    _text(
        NOT_CHECKED,
        (ERROR,),
        "This says nothing about MWAA: the index could not be asked, or the tool failed.",
        "Do what the finding says, and check again.",
    ),
    _text(
        resolution.BROKEN_PACKAGE,
        (WARNING,),
        "pip changes packages of the image for the file, and one of the image's own needs another version.",
        "Take a version that the release's constraints allow.",
    ),
    _text(
        BUILD_FAILS_HERE,
        (WARNING,),
        f"{_AT_EVERY_START} A build that fails leaves it without the packages.",
        "Take a version with a wheel.",
    ),
    _text(BUILD_NOT_TRIED, (NOTE,), _AT_EVERY_START, "Take a version with a wheel."),
    _text(BUILT_FROM_SOURCE, (NOTE,), _AT_EVERY_START, "Take a version with a wheel, which installs in a second."),
    _text(
        PIP_NOT_ASKED,
        (WARNING, NOTE),
        "Where no constraints hold, pip prefers newest releases in an order of its own. And only pip can read what the "
        "extras of Airflow 1.10.12 bring, and what an archive needs that uv does not unpack: without its answer "
        "that is left out, which is a warning.",
        "Name the release's constraints, or pin the versions.",
    ),
    _text(
        EXPORTS_UNKNOWN,
        (NOTE,),
        "On MWAA the script runs before pip, which gets the variables that it exports: another index, for example.",
        "See what the script does: `mwaa-local test-startup-script`.",
    ),
    _text(
        SETTING_NOT_FOLLOWED,
        (NOTE,),
        "pip on MWAA heeds the setting; the check says what pip does without it.",
        "Unset it at the end of the script, or test with `mwaa-local check requirements --install`.",
    ),
    _text(
        LONG_RESOLUTION,
        (WARNING, ERROR),
        "pip tries one release after another until a set fits; MWAA stops it after nine minutes.",
        "Pin the package that the finding names.",
    ),
    RuleText(
        "replaces-airflow",
        (ERROR,),
        "pip would replace Airflow itself with another version",
        "The metadata database and MWAA's own code fit the release's version only.",
        "Pin what the finding names, or name the release's constraints.",
        "apache-airflow-providers-google",
        "--constraint https://raw.githubusercontent.com/apache/airflow/constraints-2.10.3/constraints-3.11.txt\n"
        "apache-airflow-providers-google",
    ),
    _text(
        YANKED_RELEASE,
        (WARNING,),
        "Its authors withdrew it, mostly for a fault. pip takes it only for an exact pin.",
        "Take another version.",
    ),
    _text(
        PROVIDER_MODULE_MISSING,
        (ERROR, WARNING),
        "Providers move and rename modules; the import fails on MWAA with the version that is there.",
        "Import from the module that the finding names, or ask for a version that has it.",
        "; a warning if loading the file may not run it",
    ),
    _text(
        PROVIDER_MISSING,
        (ERROR, WARNING),
        "MWAA's image has a few providers; others are packages of their own.",
        "Add the package to the requirements file.",
        "; a warning if loading the file may not run it",
    ),
    _text(
        resolution.INSTALL_FAILED,
        (ERROR, WARNING),
        f"pip was given the file as on MWAA. {_WITHOUT}",
        "Read pip's last lines in the finding.",
        "; a warning if this machine lacks what a build needs, or does not reach the index",
    ),
    _text(
        resolution.IMPORT_ERROR,
        (ERROR, WARNING),
        "What is installed need not work together; an import shows it.",
        "Take versions that fit, mostly those of the release's constraints.",
    ),
)
# Rule on lines -> why, what to do, a wrong line, a right one.
_OF_LINES: dict[str, tuple[str, str, str, str]] = {
    "missing-constraint": (
        "Without constraints pip takes the newest of everything, on another day something else. From 2.7.2 on MWAA "
        "adds the release's own.",
        "Begin the file with the constraints that the finding gives.",
        "pandas",
        "--constraint https://raw.githubusercontent.com/apache/airflow/constraints-2.10.3/constraints-3.11.txt\npandas",
    ),
    "constraint-opt-out": (
        "MWAA adds constraints unless the file has the word; it looks at text, and not at what pip makes of it.",
        "Remove the text, or name real constraints.",
        "# --constraint is not needed",
        "",
    ),
    "own-constraints": (
        "What your constraints do not hold, pip may move to any version.",
        "Begin with Airflow's constraints, and change in them what you need.",
        "",
        "",
    ),
    "constraint-overlooked": (
        "MWAA looks for a line in one form only, adds its own constraints as well, and both hold.",
        "Write the option as `--constraint ADDRESS` on a line of its own.",
        "-cconstraints.txt",
        "--constraint constraints.txt",
    ),
    "other-release-constraints": (
        "They hold packages at versions of another Airflow, against the image's.",
        "Name those of the environment's release.",
        "",
        "",
    ),
    "other-python-constraints": (
        "Versions differ between Pythons, and some packages have none for this one.",
        "Name the file for the release's Python.",
        "",
        "",
    ),
    "overrides-essential": (
        "MWAA installs with essential pins that it needs itself; pip finds no set that fits both.",
        "Take the pinned version, or leave the package out.",
        "",
        "",
    ),
    "overrides-base": (
        "The package is part of what Airflow was tested with; another version can break it.",
        "Leave out the line, or take the image's version.",
        "",
        "",
    ),
    "unpinned": (
        "Each container installs what is newest when it starts, so that workers can differ and a quiet day breaks.",
        "Pin the version.",
        "requests-toolbelt",
        "requests-toolbelt==1.0.0",
    ),
    "requests-airflow": (
        "Airflow is there; another version of it does not work with MWAA.",
        "Remove the line.",
        "apache-airflow==2.9.0",
        "",
    ),
    "duplicate-requirement": (
        "pip refuses a file that asks for a package twice in different ways, and merges the same.",
        "Keep one line.",
        "pandas==2.1.4\npandas>=2",
        "pandas==2.1.4",
    ),
    "local-path": (
        "pip runs in the container, which has dags/ and plugins/ below /usr/local/airflow and nothing else of yours.",
        "Put the file into plugins.zip, and name it below /usr/local/airflow/plugins.",
        "./wheels/own-1.0-py3-none-any.whl",
        "/usr/local/airflow/plugins/own-1.0-py3-none-any.whl",
    ),
    "index-credentials": (
        "The file lies in a bucket and in a repository, and pip writes addresses into logs.",
        "Let the startup script set PIP_EXTRA_INDEX_URL from AWS Secrets Manager.",
        "",
        "",
    ),
    "private-without-no-index": (
        "A private web server has no way to PyPI, so pip waits until its time is over.",
        "Put wheels into plugins.zip with `mwaa-local package-requirements`, and write --no-index.",
        "",
        "--no-index\n--find-links /usr/local/airflow/plugins",
    ),
    "ignored-option": ("pip reads some options on the command line only.", "Remove it.", "", ""),
    "unknown-variable": (
        "pip puts in a variable's value only if it is set where pip runs.",
        "Export it in the startup script, or set the option that makes it.",
        "",
        "",
    ),
    "invalid-requirement": (
        f"One line that pip cannot read is enough: {_WITHOUT}",
        "Correct the line.",
        "pandas=2.1.4",
        "pandas==2.1.4",
    ),
    "unreadable-file": (_WITHOUT[0].upper() + _WITHOUT[1:], "Save it as UTF-8, and upload what it names.", "", ""),
}
OF_LINES = tuple(RuleText(rule.id, rule.severities, rule.meaning, *_OF_LINES[rule.id]) for rule in rules.RULES.values())
