"""What was called beside what a role grants. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .calls import Need
from .ledger import is_pattern
from .policies import ANY, Decision, Statement, decide_alike, fits, texts


@dataclass(frozen=True)
class Unused:
    """An action of a statement, which may be a pattern, that nothing called needs."""

    action: str
    resources: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """The differences between calls and a role's policies."""

    not_granted: tuple[Need, ...]
    conditional: tuple[Need, ...]  # granted, or denied, only where a condition holds
    unused: tuple[Unused, ...]

    @classmethod
    def of(
        cls, needs: Iterable[Need], policy: Sequence[Statement], account_id: str, of_mwaa: Collection[str] = ()
    ) -> Comparison:
        """Compare. `of_mwaa` are actions that the environment itself needs: a grant of them is not unused."""
        needs = sorted({need for need in needs if need.action})
        decided = [(need, decide_alike(policy, need.action, need.resource, account_id)) for need in needs]
        refused = [need for need, decision in decided if decision in (Decision.NOT_GRANTED, Decision.DENIED)]
        return cls(
            tuple(need for need in refused if not _has_samples(need, needs)),
            tuple(need for need, decision in decided if decision is Decision.CONDITIONAL),
            tuple(dict.fromkeys(_unused(needs, policy, account_id, of_mwaa))),
        )


def _has_samples(need: Need, needs: Sequence[Need]) -> bool:
    """Say whether it stands for resources of which some are among the needs, and so are decided by themselves."""
    return is_pattern(need.resource) and any(
        one.action == need.action and one.resource != need.resource and fits(need.resource, one.resource)
        for one in needs
    )


def _unused(
    needs: Sequence[Need], policy: Sequence[Statement], account_id: str, of_mwaa: Collection[str]
) -> Iterator[Unused]:
    for statement in policy:
        if statement.get("Effect") != "Allow":
            continue
        for pattern in texts(statement.get("Action")):
            plain = pattern.lower()
            used = any(fits(plain, need.action.lower()) and _is_on(statement, need, account_id) for need in needs)
            if not used and not any(fits(plain, action.lower()) for action in of_mwaa):
                yield Unused(pattern, tuple(texts(statement.get("Resource", ANY))))


def _is_on(statement: Statement, need: Need, account_id: str) -> bool:
    return decide_alike([statement], need.action, need.resource, account_id) is not Decision.NOT_GRANTED
