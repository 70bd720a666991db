"""The tables of rules in the guide: what `mwaa-local check` can find, and how serious that is.

What rules on lines of a requirements file mean stands with these rules. For the others it is here, and a test compares
ids and severities with the code. Not for writing the tables into the guide: that is `build_cli_reference`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
from mwaa_local.finding import ERROR, NOT_CHECKED, NOTE, SEVERITIES, WARNING


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    rule: str
    severities: tuple[str, ...]
    meaning: str


# What comes out of resolving.
_RESOLUTION = (
    *(
        Row(rule, (severity,), resolution.RULES[rule])
        for rule, severity in (
            (resolution.CONFLICT, ERROR),
            (NO_WHEEL, ERROR),
            (NOT_CHECKED, ERROR),
            (resolution.BROKEN_PACKAGE, WARNING),
            (BUILD_FAILS_HERE, WARNING),
            (BUILD_NOT_TRIED, NOTE),
            (BUILT_FROM_SOURCE, NOTE),
            (PIP_NOT_ASKED, NOTE),
            (EXPORTS_UNKNOWN, NOTE),
            (SETTING_NOT_FOLLOWED, NOTE),
        )
    ),
    Row(LONG_RESOLUTION, (WARNING, ERROR), resolution.RULES[LONG_RESOLUTION]),
    Row("replaces-airflow", (ERROR,), "pip would replace Airflow itself with another version"),
    Row(YANKED_RELEASE, (WARNING,), resolution.RULES[YANKED_RELEASE]),
    *(
        Row(rule, (ERROR, WARNING), f"{resolution.RULES[rule]}; a warning if loading the file may not run it")
        for rule in (PROVIDER_MODULE_MISSING, PROVIDER_MISSING)
    ),
    Row(
        resolution.INSTALL_FAILED,
        (ERROR, WARNING),
        f"{resolution.RULES[resolution.INSTALL_FAILED]}; a warning if this machine lacks what a build needs",
    ),
    Row(resolution.IMPORT_ERROR, (ERROR, WARNING), resolution.RULES[resolution.IMPORT_ERROR]),
)

_SERIOUS_OR_NOT = (ERROR, WARNING)
PLUGIN_ROWS = (
    Row("unreadable", (ERROR,), "the file or folder cannot be read"),
    Row("not-a-zip", (ERROR,), "the file is not a zip, or is cut off"),
    Row("encrypted", (ERROR,), "the zip has a password"),
    Row("damaged", (ERROR,), "a file in the zip cannot be unpacked"),
    Row("unsafe-path", (ERROR,), "a name leads out of the folder, or other programs read it differently"),
    Row("symlink", _SERIOUS_OR_NOT, "there is a symbolic link; in a zip, an error if it leads out of the folder"),
    Row("duplicate", (WARNING,), "two files in the zip have the same name"),
    Row(
        "top-folder",
        _SERIOUS_OR_NOT,
        "everything is in one folder `plugins/` in the zip; a warning if modules import `plugins.…`",
    ),
    Row(
        "syntax-error",
        _SERIOUS_OR_NOT,
        "the release's Python cannot compile a file that Airflow loads; a warning if that is not sure",
    ),
    Row(
        "relative-import",
        _SERIOUS_OR_NOT,
        "a relative import, which fails when Airflow loads the file; an error if it keeps a plugin from registering",
    ),
    Row("missing-init", (WARNING,), "a package without `__init__.py`, which another one of its name replaces"),
    Row("shadows-package", (WARNING,), "a module or folder has the name of a module of Python, the image or Airflow"),
    Row(
        "foreign-binary",
        _SERIOUS_OR_NOT,
        "a library, program or wheel is for another platform or Python; a warning for programs, and for a wheel "
        "beside one that fits",
    ),
    Row("wheel-name", (WARNING,), "pip ignores a wheel because of its name"),
    Row("too-large", (WARNING,), "the plugins are larger than MWAA advises"),
    Row("not-read", (NOTE,), "a file was not read because of its size or compression"),
    Row("bytecode", (NOTE,), "the zip has bytecode, which only takes up space"),
    Row("macos-junk", (NOTE,), "files of macOS, which only take up space"),
    Row(
        "plugin-not-loaded",
        (ERROR, WARNING, NOTE),
        "the release's Airflow cannot load a file; a warning if the requirements may provide the module it lacks, a "
        "note if they name what provides it",
    ),
)


def requirement_rows() -> tuple[Row, ...]:
    """Return what can be found in a requirements file: by resolving it, then by looking at its lines."""
    return (*_RESOLUTION, *(Row(rule.id, rule.severities, rule.meaning) for rule in rules.RULES.values()))


def rule_table(rows: Iterable[Row]) -> str:
    """Return the rows in Markdown."""
    return "\n".join(["| rule | severity | meaning |", "| --- | --- | --- |", *map(_line, rows)])


def _line(row: Row) -> str:
    severities = ", ".join(sorted(row.severities, key=SEVERITIES.index))
    return f"| `{row.rule}` | {severities} | {_sentence(row.meaning)} |"


def _sentence(text: str) -> str:
    """Return the text as a sentence; pip's name keeps its small letter."""
    start = text if text.startswith("pip ") else text[:1].upper() + text[1:]
    return f"{start.rstrip('.')}."
