"""Gate: what an environment's components call is noted before it goes on, or refused.

After the first call of a service, whose model is loaded then, it adds about 0.1 ms to each.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..answers import SAID, StartResponse, tell
from ..configuration import AwsConfiguration
from ..signing import Credential, credential_of
from . import deletions
from .made import MadeRoles
from .operations import find
from .refusals import Refusal, answer
from .roles import role_policy
from .who import caller_of, environment_of

if TYPE_CHECKING:
    from mwaa_local.iam.actions import prefix_of
    from mwaa_local.iam.calls import Call, Need
    from mwaa_local.iam.conditions import holds_in
    from mwaa_local.iam.ledger import SUFFIX, Called, Ledger
    from mwaa_local.iam.needs import need_of_deletion, needs_of
    from mwaa_local.iam.policies import Decision, decide_alike
else:
    from mwaa_iam.actions import prefix_of
    from mwaa_iam.calls import Call, Need
    from mwaa_iam.conditions import holds_in
    from mwaa_iam.ledger import SUFFIX, Called, Ledger
    from mwaa_iam.needs import need_of_deletion, needs_of
    from mwaa_iam.policies import Decision, decide_alike

WRITE_EVERY_S = 2.0
WRITE_PATH = "/_mwaa-local/aws/calls"  # asked by who is about to read
SESSION = "AmazonMWAA-airflow"  # of MWAA's tasks, in reports of access that was denied
Environ = dict[str, Any]  # WSGI's (PEP 3333)


class Gate:
    """Looks at each request. `look` answers what is refused; None is for what goes on."""

    def __init__(self, configuration: AwsConfiguration, account_id: str) -> None:
        self._account_id = account_id
        self._enforced = configuration.enforced  # environment -> ARN of its execution role
        self._ledger: Ledger | None = None
        self._made: MadeRoles | None = None
        if configuration.calls:
            self._ledger = Ledger(Path(configuration.calls) / f"endpoint{SUFFIX}")
            self._made = MadeRoles(Path(configuration.calls))
        self._over = threading.Event()
        self._says = True

    def start(self) -> None:
        if self._ledger is not None:
            threading.Thread(target=self._write_often, daemon=True).start()

    def end(self) -> None:
        self._over.set()
        self._write()

    def look(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        if environ.get("PATH_INFO") == WRITE_PATH:
            self._write()
            return tell(start_response, {"written": True})
        credential = credential_of(environ)
        environment = environment_of(credential.key) if credential else ""
        if credential is None or not environment:
            return None
        found = find(environ, credential.service, environ["wsgi.input"].getvalue())
        region = credential.region or "us-east-1"
        call = Call(
            credential.service, found.operation, region, self._account_id, found.parameters, found.has_parameters
        )
        needs = needs_of(call)
        refusals = self._refusals(environment, credential, needs)
        self._note(environment, call, needs, caller_of(environ), refused=refusals)
        if not refusals:
            return None
        if wanted := call.parameters.get(deletions.OBJECTS):
            return _delete_the_rest(
                environ, start_response, [(one, need_of_deletion(call, one)) for one in wanted], refusals
            )
        refusal = next(iter(refusals.values()))
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        return answer(start_response, refusal, found.protocol, credential.service, is_head=is_head)

    def _role_of(self, environment: str) -> str:
        """Return whose policies count; "" where none do. Who enforces does so for what its API makes, too."""
        if not self._enforced:
            return ""
        return self._enforced.get(environment) or (self._made.of(environment) if self._made else "")

    def _refusals(self, environment: str, credential: Credential, needs: list[Need]) -> dict[Need, Refusal]:
        role_arn = self._role_of(environment)
        if not role_arn:
            return {}
        policy = role_policy(self._account_id, role_arn)
        _, partition, _, _, account_id, _ = role_arn.split(":", 5)
        who = f"arn:{partition}:sts::{account_id}:assumed-role/{role_arn.rpartition('/')[2]}/{SESSION}"
        context = {
            "aws:requestedregion": credential.region,
            "aws:principalarn": role_arn,
            "aws:principalaccount": account_id,
            "aws:securetransport": "true",
        }
        holds, refusals = holds_in(context), {}
        for need in needs:
            decision = decide_alike(policy or (), need.action, need.resource, account_id, holds)
            if decision in (Decision.NOT_GRANTED, Decision.DENIED):
                refusals[need] = Refusal(who, need.action, need.resource, decision is Decision.DENIED)
        return refusals

    def _note(
        self, environment: str, call: Call, needs: list[Need], caller: tuple[str, str], *, refused: Collection[Need]
    ) -> None:
        if self._ledger is None:
            return
        name = f"{prefix_of(call.signing_name)}:{call.operation}"
        for need in needs or [Need("")]:
            called = Called(environment, need.action, need.resource, name, *caller)
            self._ledger.add(called, refused=need in refused)

    def _write_often(self) -> None:
        while not self._over.wait(WRITE_EVERY_S):
            self._write()

    def _write(self) -> None:
        if self._ledger is None:
            return
        try:
            self._ledger.write()
            self._says = True
        except OSError as error:
            if self._says:  # once, and again when it was possible meanwhile
                self._says = False
                with contextlib.suppress(OSError):
                    sys.stdout.write(f"{SAID}what tasks call cannot be noted: {error}\n")
                    sys.stdout.flush()


def _delete_the_rest(
    environ: Environ,
    start_response: StartResponse,
    wanted: list[tuple[Mapping[str, str], Need]],
    refusals: Mapping[Need, Refusal],
) -> Iterable[bytes] | None:
    """Let what is granted of a request that deletes objects go on, or answer where nothing is."""
    refused = [(one, refusals[need]) for one, need in wanted if need in refusals]
    errors = "".join(deletions.error_of(one, refusal) for one, refusal in refused)
    names = {(one.get("Key", ""), one.get("VersionId", "")) for one, _ in refused}
    return None if deletions.leave_out(environ, names, errors) else deletions.tell(start_response, errors)
