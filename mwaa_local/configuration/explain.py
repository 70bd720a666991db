"""Why a variable has its value: what each layer set, who won, and by which rule. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mwaa_local.configuration.layers import EnvVar, Layer
from mwaa_local.configuration.merge import MergedVariables
from mwaa_local.configuration.option_names import option_name, variable_name


@dataclass(frozen=True)
class Step:
    """One layer's value in an Explanation, and what became of it."""

    variable: EnvVar
    won: bool
    outcome: str


@dataclass(frozen=True)
class Explanation:
    """Why a variable has its value. `steps` are weakest first and empty when no layer sets it."""

    name: str
    option: str | None
    winner: EnvVar | None
    steps: tuple[Step, ...]
    documentation: str


def explain(merged: MergedVariables, option_or_variable: str) -> Explanation:
    """Return every layer's value of one option (`core.executor`) or variable, who won, and by which rule.

    Raises ConfigOptionInvalid for a dotted name that is not `section.key`.
    """
    name = variable_name(option_or_variable) if "." in option_or_variable else option_or_variable
    winner = merged.variables.get(name)
    losses = {loser.source: loser.reason for loser in merged.overruled if loser.name == name}
    steps = []
    for candidate in merged.candidates.get(name, ()):
        won = candidate == winner
        # A winner among the losses won its name, and has no effect under it: another spelling is read.
        outcome = losses.get(candidate.source, candidate.source.rule) if won else _outcome(candidate, winner, losses)
        steps.append(Step(candidate, won, outcome))
    nobody = "No layer sets it; Airflow's own default holds, if it has the option."
    texts = [losses.get(winner.source, winner.source.rule) if winner else nobody]
    unread = sorted(item.name for item in merged.overruled if item.winner.name == name != item.name)
    if unread:
        texts.append(f"Set, but not read instead: {', '.join(unread)}.")
    if name in merged.remarks:
        texts.append(merged.remarks[name])
    return Explanation(name, option_name(name), winner, tuple(steps), " ".join(texts))


def _outcome(candidate: EnvVar, winner: EnvVar | None, losses: Mapping[Layer, str]) -> str:
    if winner and candidate.value == winner.value:
        return "the same value as the winner's"
    return losses.get(candidate.source, "taken into the winner's value")
