"""IamReport: what DAGs called, the policy for it, and how it compares with a role. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Need
from .comparison import Comparison
from .ledger import Called, Times
from .minimal import TakesResources, minimal_policy
from .policies import LOCAL_ACCOUNT_ID

SOME_TASK = "some task"


@dataclass(frozen=True)
class Row:
    """Calls of one DAG and operator that need one action on one resource."""

    dag: str
    caller: str
    action: str  # or, of a call that needs no permission, its name
    resource: str
    needs_permission: bool
    count: int
    refused: int
    last: float  # seconds since 1970


@dataclass(frozen=True)
class IamReport:
    """All that there is to tell. `comparison` is None where there is nothing to compare with; `why_not` says why."""

    environment: str
    rows: tuple[Row, ...]
    policy: Mapping[str, Any] | None
    comparison: Comparison | None
    compared_with: str
    why_not: str
    unknown_resources: tuple[str, ...]  # actions of which it is not known on what
    unknown_actions: tuple[str, ...]  # that IAM's list does not have
    left_out: int

    @property
    def is_lacking(self) -> bool:
        return self.comparison is not None and bool(self.comparison.not_granted)

    def to_json(self) -> dict[str, Any]:
        found = self.comparison
        return {
            "environment": self.environment,
            "calls": [vars(row) for row in self.rows],
            "policy": self.policy,
            "compared_with": self.compared_with or None,
            "not_compared_because": self.why_not or None,
            "not_granted": [vars(need) for need in found.not_granted] if found else None,
            "depends_on_condition": [vars(need) for need in found.conditional] if found else None,
            "granted_and_unused": [vars(unused) for unused in found.unused] if found else None,
            "actions_on_unknown_resources": self.unknown_resources,
            "unknown_actions": self.unknown_actions,
            "calls_left_out": self.left_out,
        }


def dag_key(dag_id: str) -> str:
    """Return what Airflow's hooks make of a DAG's id (amazon provider, `utils/identifiers.py`)."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, dag_id))


def rows_of(calls: Iterable[tuple[Called, Times]], environment: str, dags: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the rows of an environment's calls. `dags` are ids by their keys."""
    rows = [
        Row(
            dags.get(called.dag, f"DAG {called.dag[:8]}…" if called.dag else SOME_TASK),
            called.caller,
            called.action or called.call,
            called.resource,
            bool(called.action),
            times.count,
            times.refused,
            times.last,
        )
        for called, times in calls
        if called.environment == environment
    ]
    return tuple(sorted(rows, key=lambda row: (row.dag == SOME_TASK, row.dag, row.caller, row.action, row.resource)))


def needs_of_rows(rows: Iterable[Row]) -> list[Need]:
    return sorted({Need(row.action, row.resource) for row in rows if row.needs_permission})


def policy_for(needs: Sequence[Need], account_id: str, takes_resources: TakesResources) -> Mapping[str, Any] | None:
    """Return the minimal policy, for the account in which it will count; None where nothing needs one."""
    there = [Need(need.action, need.resource.replace(f":{LOCAL_ACCOUNT_ID}:", f":{account_id}:")) for need in needs]
    return minimal_policy(there, takes_resources) if there else None
