"""What a rule on DAG files is, and how rules are run. The rules themselves are in `rules`, one per file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mwaa_local.check.dags.source import Source
from mwaa_local.finding import Finding, in_order


@dataclass(frozen=True)
class DagRule:
    """One rule. `bad` and `good` are whole DAG files: the rule's test and its documentation."""

    id: str
    severity: str  # the highest that it finds
    meaning: str  # one line for the documentation
    why: str
    bad: str
    good: str
    find: Callable[[Source], Iterator[Finding]]


def findings(source: Source, rules: Iterable[DagRule]) -> tuple[Finding, ...]:
    """Return what the rules find in a file, by line, each once."""
    return in_order(item for rule in rules for item in rule.find(source))


def at(source: Source, node: ast.AST, rule: str, severity: str, what: str, why: str = "", hint: str = "") -> Finding:
    """Return a finding on the line where the node begins."""
    return Finding(rule, severity, source.path, getattr(node, "lineno", 0), what, why, hint)
