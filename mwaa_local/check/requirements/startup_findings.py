"""What to say of a startup script whose exports pip gets, where they are not known or not followed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.resolver import Refused
from mwaa_local.check.requirements.startup_exports import Exported, StartupScript
from mwaa_local.check.requirements.verdict import Unchecked
from mwaa_local.finding import NOTE, Finding
from mwaa_local.requirements.pip_settings import not_said_by_lines, variable_of

EXPORTS_UNKNOWN, SETTING_NOT_FOLLOWED = "startup-exports-unknown", "pip-setting-not-followed"  # the rules
SCRIPT_HINT = "see what it does: `mwaa-local test-startup-script`"


def export_findings(path: str, script: StartupScript, exported: Exported) -> Iterator[Finding]:
    """Yield notes on what was assumed; `path` is the requirements file."""
    place = script.path or path
    if exported.problem:
        what = "the requirements were checked without what the startup script exports"
        why = f"On MWAA it runs before pip, which gets its variables; here {exported.problem}."
        yield Finding(EXPORTS_UNKNOWN, NOTE, place, 0, what, why, SCRIPT_HINT)
    for name in not_said_by_lines(exported.settings):
        what = f"{variable_of(name)} changes which versions pip takes, and this check does not follow it"
        why = "The startup script sets it, and pip on MWAA heeds it. The check says what pip does without it."
        hint = "unset it at the script's end, or test with `mwaa-local check requirements --install`"
        yield Finding(SETTING_NOT_FOLLOWED, NOTE, place, 0, what, why, hint)


def left_to_script(line: Line) -> Unchecked:
    """Return that nothing is known, where a line names a file that the startup script is to make."""
    what = f"{line.text} names a file that is not here"
    why = "The startup script speaks of it, so it may make it on MWAA; what is in it is not known here."
    return Unchecked(what, why, "let the script make it here too, or put the file into plugins/ and write its path")


def unknown_index(exported: Exported, refused: Refused) -> Unchecked | None:
    """Return that nothing is known, where the script may name the index that has what was not found; else None."""
    reasons = refused.reasons
    if not exported.problem or not (reasons.unknown_package or reasons.is_for_want_of_a_version):
        return None
    name = reasons.unknown_package
    what = f"no index that is known here has {name}" if name else "no index that is known here has versions that fit"
    why = f"The startup script may name another one to pip, but {exported.problem}, so what it exports is not known."
    return Unchecked(what, why, SCRIPT_HINT)
