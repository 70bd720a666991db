"""What botocore's client-side monitoring sends: a packet for each call, without its parameters.

Source: botocore, `monitoring.py`; the AWS CLI's documentation of `csm_enabled`.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mwaa_local.iam.calls import Call, Need
    from mwaa_local.iam.ledger import Called, Ledger
    from mwaa_local.iam.needs import needs_of
    from mwaa_local.iam.service_ids import prefix_of_id
else:
    from mwaa_iam.calls import Call, Need
    from mwaa_iam.ledger import Called, Ledger
    from mwaa_iam.needs import needs_of
    from mwaa_iam.service_ids import prefix_of_id

PACKET_BYTES = 65535  # the most that UDP carries; botocore sends 8,000 at most
CALL = "ApiCall"  # there are packets for each attempt, too
# As AWS's services say that no policy grants a call.
REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_CALLER = re.compile(r"\bCaller/([\w.-]{1,100})")
_DAG = re.compile(r"\bDagRunKey/([0-9a-f-]{36})")
NOBODYS = ("Unknown", "00000000-0000-0000-0000-000000000000")


def listen(address: tuple[str, int], environment: str, ledger: Ledger, ended: threading.Event) -> None:
    """Note what comes to that address, in a thread of its own, until the program ends. Raises OSError."""
    packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets.bind(address)
    threading.Thread(target=_receive, args=(packets.recv, environment, ledger, ended), daemon=True).start()


def _receive(receive: Callable[[int], bytes], environment: str, ledger: Ledger, ended: threading.Event) -> None:
    while not ended.is_set():
        with contextlib.suppress(ValueError, AttributeError):  # somebody else's packet
            note(json.loads(receive(PACKET_BYTES)), environment, ledger)


def note(event: dict[str, Any], environment: str, ledger: Ledger) -> None:
    """Note one packet. Raises AttributeError for what is none."""
    if event.get("Type") != CALL:
        return
    prefix, operation = prefix_of_id(str(event.get("Service", ""))), str(event.get("Api", ""))
    agent = str(event.get("UserAgent", ""))
    dag, caller = _DAG.search(agent), _CALLER.search(agent)
    who = ["" if found is None or found[1] in NOBODYS else found[1] for found in (dag, caller)]
    call = Call(prefix, operation, str(event.get("Region", "")) or "us-east-1", has_parameters=False)
    is_refused = event.get("FinalAwsException") in REFUSED
    for number, need in enumerate(needs_of(call) or [Need("")]):
        called = Called(environment, need.action, need.resource, f"{prefix}:{operation}", *who)
        ledger.add(called, refused=is_refused and number == 0)
