"""What both the check phase and the start report is reported once. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mwaa_local.check.python import without_stand_in
from mwaa_local.finding import ERROR, Finding
from mwaa_local.remarks import Remark


def told_once(findings: Sequence[Finding], remarks: Sequence[Remark]) -> tuple[list[Finding], list[Remark]]:
    """Return both without what is said twice: the finding stays, for it has a rule and a place.

    A remark that is an error ends the run, whatever a finding says of the same thing, and stays too. On another Python
    than MWAA's the remark stays alone: its words are those of the start.
    """
    told = {
        words for item in findings for words in (item.what, *(f"{at}: {item.what}" for at in (item.path, item.place)))
    }
    kept = [remark for remark in remarks if remark.severity == ERROR or remark.what not in told]
    return without_stand_in(findings, remarks), kept
