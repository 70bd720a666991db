"""Check plugins.zip, or the plugins/ folder it is made of, without extracting or running anything.

MWAA unpacks the zip into /usr/local/airflow/plugins, which stands near the end of `sys.path`, when a container starts
(MWAA user guide, "Installing custom plugins"). Airflow then loads every .py file below it, at any depth, as a module
of the file's bare name, and enters it into `sys.modules` under that name (`load_plugins_from_plugin_directory` in
Airflow's `plugins_manager.py`, from 2.0 on). Relative imports fail in that load, with or without an `__init__.py`.

Not for what needs Airflow itself, such as which plugins register. Rules, and what each one means:

| rule | severity | |
|---|---|---|
| `unreadable`, `not-a-zip`, `encrypted`, `damaged` | error | there is nothing to unpack |
| `unsafe-path` | error | a name that leads out of the folder, or means something else to another program |
| `symlink` | error, warning | an error where it leads out of the folder |
| `duplicate` | warning | two entries of one name |
| `top-folder` | error, warning | all in one folder `plugins/`; a warning where modules import `plugins.…` |
| `syntax-error` | error, warning | a warning where a newer Python may allow it |
| `relative-import` | error, warning | an error where a plugin does not register for it |
| `missing-init` | warning | a package that another one of its name replaces |
| `shadows-package` | warning | a module that replaces one of Python's or the image's, or a folder that is replaced |
| `foreign-binary` | error, warning | compiled for another platform; an error where it is a library or wheel |
| `wheel-name` | warning | pip overlooks the wheel |
| `too-large` | warning | above MWAA's advice |
| `not-read` | note | more than this check reads, or packed in a way that it does not unpack |
| `bytecode`, `macos-junk` | note | files that only take room |
| `plugin-not-loaded` | error, warning, note | Airflow cannot load a file (`loading`) |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mwaa_local.check.plugins.binaries import binary_findings
from mwaa_local.check.plugins.files import PluginsUnreadable, open_plugins
from mwaa_local.check.plugins.layout import layout_findings
from mwaa_local.check.plugins.sources import source_findings
from mwaa_local.check.plugins.survey import Survey, counted, printable
from mwaa_local.finding import ERROR, SEVERITIES, Finding, in_order
from mwaa_local.release import Release

MAX_FINDINGS_PER_RULE = 20


def check_plugins(path: Path, release: Release, ignore_syntax: str = "") -> tuple[Finding, ...]:
    """Return what is wrong with the zip, or the folder, for the release; nothing of it is extracted or run.

    What is unpacked, in memory, stays within the limits of `survey`, whatever the zip says of its sizes; a
    finding tells what was not read. `ignore_syntax` is the value of core.dag_ignore_file_syntax, "" if it is not set.
    A file in the zip is named `plugins.zip/operators/my.py`.
    """
    try:
        with open_plugins(path) as plugins:
            survey = Survey(plugins, release, ignore_syntax)
            found = [*layout_findings(survey), *source_findings(survey), *binary_findings(survey)]
            return in_order(_capped([*found, *survey.unread]))
    except PluginsUnreadable as error:
        return (Finding(error.rule, ERROR, path.as_posix(), 0, error.what, printable(error.why), error.hint),)


def _capped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield no more than MAX_FINDINGS_PER_RULE of one rule, the last of which says how many there are besides."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule, found in by_rule.items():
        yield from found[:MAX_FINDINGS_PER_RULE]
        if left := found[MAX_FINDINGS_PER_RULE:]:
            severity = min((item.severity for item in left), key=SEVERITIES.index)
            yield Finding(rule, severity, left[0].path, 0, f"{counted(len(left), 'more finding')} of this rule")
