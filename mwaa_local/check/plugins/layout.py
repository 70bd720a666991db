"""The rules on plugins.zip as a whole: names, links, sizes, and what does not belong in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mwaa_local.check.links import link_finding
from mwaa_local.check.plugins.files import FOLDER, LINK, Entry
from mwaa_local.check.plugins.survey import (
    HOW_TO_ZIP,
    TOP_FOLDER,
    Survey,
    counted,
    is_bytecode,
    is_macos_junk,
    megabytes,
    printable,
)
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.guest.dags.import_links import repeating_links

ADVISED_BYTES = 1_000_000_000  # MWAA user guide, "Installing custom plugins": below 1 GB
PLUGINS_DIR = "/usr/local/airflow/plugins"  # MWAA user guide, as above
_DRIVE = re.compile(r"[A-Za-z]:")


def layout_findings(survey: Survey) -> Iterator[Finding]:
    for rule in (_encrypted, _paths, _links, _duplicates, _top_folder, _sizes, _junk):
        yield from rule(survey)


def _encrypted(survey: Survey) -> Iterator[Finding]:
    names = [entry for entry in survey.plugins.entries if entry.is_encrypted]
    if names:
        what = f"the zip is encrypted ({counted(len(names), 'file')}, such as {names[0].name})"
        yield survey.finding("encrypted", ERROR, None, what, "MWAA has no password for it.", f"try: {HOW_TO_ZIP}")


def _paths(survey: Survey) -> Iterator[Finding]:
    for entry in survey.plugins.entries:
        if problem := _why_unsafe(entry.name):
            what = f"the name {entry.name!r} is not safe to unpack: {problem}"
            why = "Programs that unpack it refuse it, change it, or write outside of the plugins folder."
            yield survey.finding("unsafe-path", ERROR, entry, what, why, f"make the zip again: {HOW_TO_ZIP}")


def _links(survey: Survey) -> Iterator[Finding]:
    repeating = {} if survey.plugins.is_zip else repeating_links(str(survey.plugins.path))
    for entry in survey.plugins.entries:
        if entry.kind != LINK:
            continue
        if kind := repeating.get(str(survey.plugins.path / entry.name)):
            yield link_finding(f"{survey.plugins.path.as_posix()}/{printable(entry.name)}", kind)
            continue
        if _leaves(entry):
            what = f"this link leads out of the plugins folder, to {entry.link_target}"
            why, severity = "Its target is not on MWAA.", ERROR
            if not survey.plugins.is_zip:
                why, severity = (
                    "`zip` stores the target; `zip -y` stores the link, which leads nowhere on MWAA.",
                    WARNING,
                )
            yield survey.finding("symlink", severity, entry, what, why, "replace it with the file itself")
        elif survey.plugins.is_zip:
            what = f"this is a symbolic link, to {entry.link_target}"
            why = "Whether MWAA unpacks it as a link is not documented."
            yield survey.finding("symlink", WARNING, entry, what, why, "zip without -y (--symlinks)")


def _duplicates(survey: Survey) -> Iterator[Finding]:
    counts = Counter("/".join(entry.parts) for entry in survey.plugins.entries if entry.kind != FOLDER)
    for entry in survey.plugins.entries:
        count = counts.pop("/".join(entry.parts), 1)
        if count > 1 and entry.kind != FOLDER:
            what = f"the zip has {count} files of this name"
            yield survey.finding("duplicate", WARNING, entry, what, "Most programs keep the last one.", "keep one")


def _top_folder(survey: Survey) -> Iterator[Finding]:
    if not survey.is_wrapped:
        return
    meant = any(name[0] == TOP_FOLDER for module in survey.parsed.values() for name in module.imports)
    why = (
        f"MWAA unpacks the zip into {PLUGINS_DIR} and imports start there, so that these files are in "
        "plugins/plugins/: `import my_module` does not find plugins/plugins/my_module.py, and pip finds no wheels."
    )
    if meant:
        why += f" Some of the modules do import `{TOP_FOLDER}.…`; those imports need the folder."
    severity = WARNING if meant else ERROR
    what = f"everything lies in one folder `{TOP_FOLDER}/`"
    yield survey.finding("top-folder", severity, None, what, why, f"zip the contents of the folder: {HOW_TO_ZIP}")


def _sizes(survey: Survey) -> Iterator[Finding]:
    total = sum(entry.size_bytes for entry in survey.plugins.entries)
    if total > ADVISED_BYTES:
        what = f"the plugins take {megabytes(total)} when unpacked; MWAA advises less than {megabytes(ADVISED_BYTES)}"
        why = "Every container unpacks them before Airflow starts, in about ten minutes at most."
        hint = "remove what you do not need, or let a task fetch large files from S3"
        yield survey.finding("too-large", WARNING, None, what, why, hint)


def _junk(survey: Survey) -> Iterator[Finding]:
    files = [entry for entry in survey.plugins.entries if entry.kind != FOLDER]
    macos = [entry for entry in files if is_macos_junk(entry)]
    # Python itself leaves them in a folder; what they stand in the way of is a small zip.
    bytecode = [entry for entry in files if is_bytecode(entry)] if survey.plugins.is_zip else []
    if macos:
        what = f"{counted(len(macos), 'file')} of macOS that mean nothing on MWAA, such as {macos[0].name}"
        yield survey.finding("macos-junk", NOTE, None, what, "", "zip -r ../plugins.zip . -x '*.DS_Store' '__MACOSX/*'")
    if bytecode:
        what = f"{counted(len(bytecode), 'file')} of bytecode, such as {bytecode[0].name}"
        why = f"Python {survey.release.python_version} on MWAA makes its own and ignores another version's."
        yield survey.finding("bytecode", NOTE, None, what, why, "zip -r ../plugins.zip . -x '*/__pycache__/*' '*.pyc'")


def _why_unsafe(name: str) -> str:
    """Return what is wrong with a name in the zip; "" where nothing is."""
    if not name.strip("/"):
        return "it is empty"
    if name.startswith("/"):
        return "it is absolute"
    if "\\" in name:
        return "it has a backslash, which Linux takes as part of a file's name"
    if _DRIVE.match(name):
        return "it begins with a drive letter"
    if ".." in name.split("/"):
        return "it leads upwards"
    if any(not character.isprintable() for character in name):
        return "it has characters that cannot be shown"
    return ""


def _leaves(entry: Entry) -> bool:
    """Whether the link leads out of the folder in which it will lie on MWAA."""
    target = entry.link_target
    if target.startswith("/"):
        return not target.startswith(f"{PLUGINS_DIR}/") or ".." in target.split("/")
    depth = len(entry.parts) - 1
    for part in target.split("/"):
        if part == "..":
            depth -= 1
        elif part not in ("", "."):
            depth += 1
        if depth < 0:
            return True
    return False
