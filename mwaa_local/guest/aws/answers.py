"""Answers of the dispatcher itself, as AWS's clients read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

StartResponse = Callable[..., Any]  # WSGI's (PEP 3333)
SAID = "mwaa-local: "  # how our own words begin, wherever a service's could stand


def refuse(start_response: StartResponse, status: HTTPStatus, code: str, message: str) -> Iterable[bytes]:
    """Answer with an error in the form of AWS's JSON protocols, which both kinds of them take for it."""
    body = {"__type": code, "message": SAID + message}
    return _answer(start_response, status, body, [("x-amzn-ErrorType", code)])


def tell(start_response: StartResponse, value: Any, headers: Iterable[tuple[str, str]] = ()) -> Iterable[bytes]:
    """Answer with a value, as JSON."""
    return _answer(start_response, HTTPStatus.OK, value, headers)


def _answer(
    start_response: StartResponse, status: HTTPStatus, value: Any, headers: Iterable[tuple[str, str]]
) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    about = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", [*about, *headers])
    return [body]
