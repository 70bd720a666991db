"""Parts of the local AWS that need no moto: locks, and for which service a request was signed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mwaa_local.guest.aws.locks import Locks
from mwaa_local.guest.aws.signing import presigned_header, signing_name

SCOPE = "AKIA/20261130/us-east-1"


@pytest.mark.parametrize(
    ("header", "query", "service"),
    [
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}/s3/aws4_request, SignedHeaders=host, Signature=0", "", "s3"),
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}/airflow/aws4_request,SignedHeaders=host,Signature=0", "", "airflow"),
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}/airflow-serverless/aws4_request, S=0", "", "airflow-serverless"),
        ("AWS4-ECDSA-P256-SHA256 Credential=AKIA/20261130/s3/aws4_request, SignedHeaders=host, S=0", "", "s3"),
        ("", "X-Amz-Credential=AKIA%2F20261130%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=0", "sts"),
        (f"AWS4-HMAC-SHA256 Credential={SCOPE}/sqs/aws4_request, S=0", f"X-Amz-Credential={SCOPE}/s3/x", "sqs"),
        ("AWS AKIA:signature-of-version-2", "", ""),
        ("Bearer token", "X-Amz-Credential=nonsense", ""),
        ("AWS4-HMAC-SHA256 Credential=AKIA/s3/aws4_request", "", ""),
        ("", "", ""),
    ],
)
def test_service_is_what_the_credential_was_scoped_to(header: str, query: str, service: str) -> None:
    environ: dict[str, Any] = {"QUERY_STRING": query, **({"HTTP_AUTHORIZATION": header} if header else {})}
    assert signing_name(environ) == service


def test_credential_of_a_presigned_address_can_stand_in_a_header() -> None:
    environ = {"QUERY_STRING": "X-Amz-Credential=AKIA%2F20261130%2Fus-east-1%2Fsts%2Faws4_request"}
    assert signing_name({"HTTP_AUTHORIZATION": presigned_header(environ)}) == "sts"


def test_one_request_at_a_time_for_each_service_and_others_meanwhile() -> None:
    locks, inside, most = Locks(), {"a": 0, "b": 0}, {"a": 0, "b": 0, "both": 0}

    def ask(name: str) -> None:
        with locks.held(name):
            inside[name] += 1
            time.sleep(0.01)
            for key, count in (*inside.items(), ("both", min(inside.values()))):
                most[key] = max(most[key], count)
            inside[name] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, ["a", "b"] * 10))
    assert most == {"a": 1, "b": 1, "both": 1}


def test_who_waits_lets_others_in_and_goes_on_alone() -> None:
    locks, said, come = Locks(), list[str](), threading.Event()

    def wait() -> None:
        with locks.held("a"):
            said.append("waits")
            with locks.let_go():
                assert come.wait(10)
            said.append("goes on")

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not said:
        time.sleep(0.001)
    with locks.held("a"):
        come.set()
        time.sleep(0.05)
        said.append("came in")
    waiting.join(10)
    assert said == ["waits", "came in", "goes on"]
    with locks.held("a"):
        pass  # nobody has kept it


def test_service_that_waits_for_itself_goes_on_in_the_end() -> None:
    locks = Locks(patience_s=0.05)
    with locks.held("a"):
        other = threading.Thread(target=lambda: locks.held("a").__enter__())
        other.start()
        other.join(10)
        assert not other.is_alive()


def test_all_locks_are_held_together_or_none() -> None:
    locks = Locks()
    for name in ("a", "b"):
        with locks.held(name):
            pass
    with locks.all_held(1.0) as is_quiet:
        assert is_quiet
        begun, came = threading.Event(), list[str]()

        def ask(name: str) -> None:
            begun.set()
            with locks.held(name):
                came.append(name)

        threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "new")]
        for thread in threads:
            thread.start()
        assert begun.wait(5)
        assert came == []
    for thread in threads:
        thread.join(5)
    assert sorted(came) == ["a", "new"]


def test_a_service_that_is_busy_keeps_nobody_else_waiting() -> None:
    locks = Locks()
    inside, over = threading.Event(), threading.Event()

    def work() -> None:
        with locks.held("busy"):
            inside.set()
            over.wait(5)

    worker = threading.Thread(target=work)
    with locks.held("other"):
        pass
    worker.start()
    assert inside.wait(5)
    with locks.all_held(0.05) as is_quiet:
        assert not is_quiet
        with locks.held("other"):  # it was given back
            pass
    over.set()
    worker.join(5)
    with locks.all_held(1.0) as is_quiet:
        assert is_quiet
