"""Text that is safe to show: without credentials, and without characters that control a terminal. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from mwaa_local.finding import Finding
from mwaa_local.masking import without_secrets

# Control characters but tab and line break, and halves of surrogate pairs, which no encoding can write.
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\ufffd"


def shown(text: str) -> str:
    """Return text for people: credentials in URLs masked, Windows line ends plain, control characters replaced."""
    return _UNSHOWABLE.sub(_REPLACEMENT, without_secrets(text.replace("\r\n", "\n")))


def shown_line(text: str) -> str:
    """Return the same in one line."""
    return " ".join(shown(text).split())


def shown_finding(finding: Finding) -> Finding:
    """Return the finding with all its words safe to show; the path stays, for it has to be found again."""
    what = shown_line(finding.what) or finding.rule  # no format can do without words
    cause = finding.cause and replace(finding.cause, words=shown_line(finding.cause.words))
    return replace(finding, what=what, why=shown(finding.why).strip(), hint=shown(finding.hint).strip(), cause=cause)
