"""No request is too odd: none gives a fault, hangs, or changes what it may not, and all are answered as modelled."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Operation
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.worker import take_lock
from mwaa_local.api.http.errors import COMMON_STATUSES
from mwaa_local.api.http.routes import Routes
from tests.unit.api.serving import SIGNED, Served, add, served
from tests.unit.api.variants import HOST, KNOWN, Generator, Variant

TIMEOUT_S = 30.0
SEED = 12
COUNT = 600
COUNT_FULL = 6000
REFUSED_BEFORE = (403, 421)  # by the name or the page from which a request comes
SPOILT = (400, 413)  # what is no HTTP, or a path of more than 8 kB
CHANGING = ("TagResource", "UntagResource")


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Served]:
    """An endpoint with one environment to which something is being done, so that nothing else can be done to it."""
    project = add(tmp_path, KNOWN, Tags={"team": "data"})
    lock = take_lock(project)
    assert lock is not None
    update = Operation.new(records.UPDATE, {})
    records.change(project, lambda record: replace(record, operation=update))
    with served(Registry.of_folder(tmp_path, {"PATH": os.environ["PATH"]})) as endpoint:
        yield endpoint
    os.close(lock)


def answer_of(served: Served, variant: Variant) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(variant.method, variant.target, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": HOST, "Authorization": SIGNED, "Content-Length": str(len(variant.body)), **variant.headers}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(variant.body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def state_of(folder: Path) -> str:
    """Return what tells one state of everything on disk from another."""
    parts = [(str(path), path.read_bytes() if path.is_file() else b"") for path in sorted(folder.rglob("*"))]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@pytest.mark.parametrize("count", [COUNT, pytest.param(COUNT_FULL, marks=pytest.mark.full)])
def test_every_request_is_answered_as_the_model_says(busy: Served, tmp_path: Path, count: int) -> None:
    service = botocore.session.get_session().get_service_model("mwaa")
    parser = create_parser("rest-json")
    generator = Generator(Routes.load().model, random.Random(SEED))
    before, seen = state_of(tmp_path), Counter[str]()
    for variant in generator.variants(count):
        status, headers, body = answer_of(busy, variant)
        seen[f"{variant.operation} {status}"] += 1
        told = f"{variant} -> {status} {body[:300]!r}"
        assert status < 500, told
        operation = service.operation_model(variant.operation)
        plain: dict[str, Any] = parser.parse(
            {"headers": headers, "body": body, "status_code": status}, operation.output_shape
        )
        if status >= 400:
            assert state_of(tmp_path) == before, f"changed by what was refused: {told}"
            if "x-amzn-errortype" in headers and variant.what != "http":
                codes = {shape.name for shape in operation.error_shapes} | COMMON_STATUSES.keys()
                assert plain["Error"]["Code"] in codes, told
            elif "x-amzn-errortype" not in headers:
                assert status in SPOILT or (variant.what == "http" and status in REFUSED_BEFORE), told
        else:
            assert not variant.is_broken, f"taken though it is broken: {told}"
            if variant.operation not in CHANGING:
                assert state_of(tmp_path) == before, told
            before = state_of(tmp_path)
    assert busy.registry.names() == [KNOWN]
    assert {key.split()[0] for key in seen} == set(Routes.load().operations)
    assert any(key.endswith(" 200") for key in seen)
