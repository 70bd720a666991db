"""Rules on paths, addresses and the text itself: what MWAA cannot see, and what pip cannot read.

Sources: MWAA user guide, "Installing Python dependencies" and "Managing Python dependencies in requirements.txt";
aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and `bin/airflow-user/safe-pip-install`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from mwaa_local.check.requirements.line_syntax import FIND_LINKS
from mwaa_local.check.requirements.lines import MWAA_HOME, MWAA_REQUIREMENTS_DIR, PACKAGE, Line, LocalPath, Unreadable
from mwaa_local.check.requirements.rule import Case, Rule, applies, at, quoted
from mwaa_local.check.requirements.startup_exports import names_variable
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.masking import without_secrets

# What MWAA fills: two folders by synchronising, and one object each for the other two (CreateEnvironment's DagS3Path,
# PluginsS3Path, RequirementsS3Path, StartupScriptS3Path).
_PLUGINS_DIR = f"{MWAA_HOME}/plugins"
_FOLDERS = (f"{MWAA_HOME}/dags", _PLUGINS_DIR)
_ONE_FILE_FOLDERS = {
    MWAA_REQUIREMENTS_DIR: f"{MWAA_REQUIREMENTS_DIR}/requirements.txt",
    f"{MWAA_HOME}/startup": f"{MWAA_HOME}/startup/startup.sh",
}
_UNCHANGED = "Without a value, pip uses the text unchanged."
_OF_THE_SERVICE = ("AWS_", "ECS_", "MWAA_", "AIRFLOW_")
_SINGLE_EQUALS = re.compile(r"[\w.\[\],-]+\s*=[^=].*")


def _local_path(case: Case) -> Iterator[Finding]:
    for line in case.lines:
        for local in line.local_paths if applies(line.marker, case.release) else ():
            if local.mwaa_path != os.devnull:
                yield from _unseen(line, local)


def _unseen(line: Line, local: LocalPath) -> Iterator[Finding]:
    """Yield what is wrong with one path."""
    folder = next((folder for folder in (*_FOLDERS, *_ONE_FILE_FOLDERS) if _is_in(local.mwaa_path, folder)), "")
    # For a place without packages pip has no more than a warning.
    severity = WARNING if local.role == FIND_LINKS else ERROR
    if folder and not local.exists:
        what = f"{quoted(line)}: there is no such path in {_name(folder)}"
        why = f"The project's {_name(folder)} stands for {folder}."
        # What is in plugins/ of a private environment can be made later.
        severity = WARNING if folder == _PLUGINS_DIR else severity
        yield at(line, "local-path", severity, what, why, "correct the path, or put the file there")
    elif folder in _ONE_FILE_FOLDERS and local.mwaa_path != _ONE_FILE_FOLDERS[folder]:
        what = f"{quoted(line)}: MWAA gets one file of {_name(folder)}, not this"
        why = "The requirements file and the startup script are single objects of the bucket."
        yield at(line, "local-path", WARNING, what, why, _move_hint(local))
    elif not folder and (local.exists or local.is_relative):
        what = f"{quoted(line)}: MWAA cannot see this path"
        why = f"Of your project, MWAA's containers have only dags/ and plugins/, in {MWAA_HOME}."
        yield at(line, "local-path", severity, what, why, _move_hint(local))
    elif not folder:
        what = f"{quoted(line)}: this must be in MWAA's image or created by the startup script"
        why = f"It is neither here nor below {' or '.join(_FOLDERS)}, which MWAA fills."
        yield at(line, "local-path", WARNING, what, why, _move_hint(local))


def _name(folder: str) -> str:
    return folder.removeprefix(f"{MWAA_HOME}/") + "/"


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _move_hint(local: LocalPath) -> str:
    if local.role == PACKAGE:
        return f"build a wheel, put it into plugins/ and write its path: {MWAA_HOME}/plugins/…"
    return f"put it into dags/ and write its path: {MWAA_HOME}/dags/…"


def _index_credentials(case: Case) -> Iterator[Finding]:
    for line in case.lines:
        if without_secrets(line.text) != line.text:
            yield at(
                line,
                "index-credentials",
                WARNING,
                f"a password or token is written out: {quoted(line)}",
                "Whoever can read the bucket, or pip's log, can read it.",
                "write ${AIRFLOW__FOO__PASS} instead, and set the Airflow configuration option foo.pass; pip expands "
                "${NAME} only in capitals",
            )


def _private_without_no_index(case: Case) -> Iterator[Finding]:
    if case.private_webserver and case.packages and not case.has_no_index:
        yield Finding(
            "private-without-no-index",
            WARNING,
            case.path,
            0,
            "the web server is private, and the file has no --no-index",
            "A private web server cannot reach a public index, so pip finds nothing there.",
            f"put wheels into plugins.zip, and write --find-links {MWAA_HOME}/plugins and --no-index at the top",
        )


def _ignored_option(case: Case) -> Iterator[Finding]:
    for line in case.lines:
        if line.ignored:
            names = ", ".join(f"`{name}`" for name in dict.fromkeys(line.ignored) if name)
            yield at(
                line,
                "ignored-option",
                WARNING,
                f"pip ignores {names or 'the words that belong to no option'} of {quoted(line)}",
                "Beside a requirement, or the name of another file, it takes no other options; and once options have "
                "begun, no requirement.",
                "give each its own line",
            )


def _unknown_variable(case: Case) -> Iterator[Finding]:
    for line in case.lines:
        for name in line.unknown_variables:
            is_certain, why = _why_unknown(name, case)
            severity = WARNING if is_certain else NOTE
            what = f"${{{name}}} is not known here"
            hint = "export it in the startup script, or set it as a configuration option"
            if name in case.startup.exported.variables:
                what = f"${{{name}}} has no value here"
                hint = "see what the script does here: mwaa-local test-startup-script"
            yield at(line, "unknown-variable", severity, what, why, hint)


def _why_unknown(name: str, case: Case) -> tuple[bool, str]:
    """Return whether nothing sets a variable on MWAA either, and what is known of it."""
    script, problem = case.startup.script, case.startup.exported.problem
    if name.startswith(_OF_THE_SERVICE):
        return False, f"MWAA may set it in its containers. {_UNCHANGED}"
    if problem:
        return False, f"The startup script may set it, but {problem}. {_UNCHANGED}"
    if not script.text:
        return True, f"No configuration option sets it, and there is no startup script. {_UNCHANGED}"
    if name in case.startup.exported.variables:
        return False, f"The startup script exports it empty on this machine; on MWAA it may have a value. {_UNCHANGED}"
    if names_variable(script.text, name):
        return False, f"The startup script names it, but exports no value for it on this machine. {_UNCHANGED}"
    return True, f"Neither a configuration option nor the startup script sets it. {_UNCHANGED}"


def _invalid_requirement(case: Case) -> Iterator[Finding]:
    for line in case.lines:
        if line.problem:
            what = f"pip cannot read {quoted(line)}"
            why = f"{without_secrets(line.problem).rstrip('.')}. pip refuses the whole file, and installs nothing."
            yield at(line, "invalid-requirement", ERROR, what, why, syntax_hint(line.text))


def syntax_hint(text: str) -> str:
    """Return how to write a line that pip cannot read; "" where that is not clear."""
    if _SINGLE_EQUALS.fullmatch(text):
        return "`=` is not an operator, write `==`"
    return "" if text.startswith("-") else "write it as in `name==1.2.3`"


def _unreadable_file(case: Case) -> Iterator[Finding]:
    why = "pip refuses the whole file, and installs nothing."
    for entry in case.entries:
        if isinstance(entry, Unreadable):
            yield Finding("unreadable-file", ERROR, entry.path, entry.number, entry.what, why, entry.hint)


RULES = (
    Rule("local-path", (ERROR, WARNING), "The file names a local path that MWAA cannot see.", _local_path),
    Rule("index-credentials", (WARNING,), "An address contains a password or token.", _index_credentials),
    Rule(
        "private-without-no-index",
        (WARNING,),
        "A private web server cannot install from a public index.",
        _private_without_no_index,
    ),
    Rule("ignored-option", (WARNING,), "pip ignores a part of the line.", _ignored_option),
    Rule(
        "unknown-variable",
        (WARNING, NOTE),
        "The file uses a variable that neither an option nor the startup script sets.",
        _unknown_variable,
    ),
    Rule(
        "invalid-requirement",
        (ERROR,),
        "pip cannot read the line, and so refuses the whole file.",
        _invalid_requirement,
    ),
    Rule("unreadable-file", (ERROR,), "pip cannot read the file, or one that it names.", _unreadable_file),
)
