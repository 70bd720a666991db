"""A local IAM that does not answer makes nobody an admin, and hides no policy."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from mwaa_local.api.http.errors import ServiceError
from mwaa_local.api.iam.callers import Identity
from mwaa_local.api.iam.local_iam import LocalIam

ROLES = "arn:aws:airflow:us-east-1:000000000000:role/dev/"
ACTION = "CreateWebLoginToken"
ANN = "arn:aws:iam::000000000000:user/ann"


def policy(effect: str, role: str) -> str:
    statement = {"Effect": effect, "Action": f"airflow:{ACTION}", "Resource": ROLES + role}
    return f"<PolicyDocument>{json.dumps({'Version': '2012-10-17', 'Statement': [statement]})}</PolicyDocument>"


class Iam(ThreadingHTTPServer):
    """Answers as an IAM that knows one user, with two policies of her own; `failing` calls get that answer instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failing: dict[str, tuple[int, str]] = {}
        self.answers = {
            "GetCallerIdentity": f"<Arn>{ANN}</Arn>",
            "ListUserPolicies": "<PolicyNames><member>allow</member><member>deny</member></PolicyNames>",
            "allow": policy("Allow", "*"),
            "deny": policy("Deny", "Admin"),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Iam

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        key = asked.get("PolicyName", asked["Action"])[0]
        action = asked["Action"][0]
        result = f"<{action}Result>{self.server.answers.get(key, '')}</{action}Result>"
        status, text = self.server.failing.get(key, (200, result))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f'<Answer xmlns="https://iam.amazonaws.com/doc/2010-05-08/">{text}</Answer>'.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def iam() -> Iterator[Iam]:
    with Iam() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def role(iam: Iam) -> str | None:
    callers = LocalIam(lambda: iam.url)
    return callers.role(callers.identity("key"), ACTION, ROLES)


def test_policies_that_are_seen_count(iam: Iam) -> None:
    assert role(iam) == "Op"


@pytest.mark.parametrize("call", ["GetCallerIdentity", "ListUserPolicies", "deny", "ListGroupsForUser"])
def test_call_that_is_not_answered_is_an_error(iam: Iam, call: str) -> None:
    iam.failing[call] = (500, "")
    with pytest.raises(ServiceError, match=r"answers \w+ with status 500; .*mwaa-local up") as caught:
        role(iam)
    assert caught.value.code == "InternalServerException"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "<Other/>"), "does not answer"),  # no answer of IAM: what it leaves out may be a policy that denies
        ((404, "<Error><Code>InvalidAction</Code></Error>"), "with status 404"),
        ((404, "no XML <"), "with status 404"),
    ],
)
def test_answer_of_something_else_is_an_error(iam: Iam, answer: tuple[int, str], said: str) -> None:
    iam.failing["ListUserPolicies"] = answer
    with pytest.raises(ServiceError, match=said):
        role(iam)


def test_identity_without_a_name_is_an_error(iam: Iam) -> None:
    iam.answers["GetCallerIdentity"] = ""
    with pytest.raises(ServiceError, match="does not say who the caller is"):
        role(iam)


def test_policy_that_was_removed_meanwhile_is_none(iam: Iam) -> None:
    iam.failing["deny"] = (404, "<Error><Code>NoSuchEntity</Code></Error>")
    assert role(iam) == "Admin"


def test_key_that_it_does_not_know_and_any_key_without_one_is_an_admins(iam: Iam) -> None:
    iam.answers["GetCallerIdentity"] = "<Arn>arn:aws:sts::000000000000:user/moto</Arn>"
    assert role(iam) == "Admin"
    assert LocalIam(lambda: None).identity("key") == Identity("user/key")


def test_place_is_looked_up_anew_after_no_answer(iam: Iam) -> None:
    places = ["http://127.0.0.1:9", iam.url]
    callers = LocalIam(lambda: places.pop(0))
    with pytest.raises(ServiceError, match="does not answer"):
        callers.identity("key")
    assert callers.identity("key").is_known
