"""RuleText: what is to be said of a rule, and how serious its findings can be. Not for finding anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleText:
    """One rule. `meaning`, in a few words, is the row in the tables; `why` and `todo` are sentences."""

    id: str
    severities: tuple[str, ...]  # all that its findings can have
    meaning: str
    why: str
    todo: str
    bad: str = ""  # an example; with `good`, a whole file for rules on the source of DAG files
    good: str = ""
