"""PutMetricData, asked without a client library, which would cost an observer 40 MB.

By AWS's JSON protocol: by its query protocol, moto took seven times as long for the same data.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mwaa_local.errors import NotNow
from mwaa_local.metrics.datum import Datum

TIMEOUT_S = 20.0
MAX_DATA = 500  # in one call; CloudWatch itself takes 1,000 (its quotas, "PutMetricData")
TARGET = "GraniteServiceVersion20100801.PutMetricData"  # of botocore's model of CloudWatch
# The signature is not checked; which service is meant is read from the scope.
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=local/20000101/{region}/monitoring/aws4_request, SignedHeaders=host, Signature=0"
)
LATER_STATUSES = frozenset({http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS})  # of 4xx: try again
THROTTLED = "Throttling"  # in the type of an error, whose status is 400 (AWS's "Common errors")
SHOWN_CHARACTERS = 200  # of an answer that says no


class NotPut(NotNow):
    """The endpoint does not answer, or says no."""


class Refused(NotPut):
    """The endpoint says no, and would say it again to the same data."""


@dataclass(frozen=True)
class Batch:
    """What one call puts: data of one namespace, and how many of all were in the batches until and with it."""

    data: Sequence[Datum]
    done: int


def batches(data: Sequence[Datum], begin: int = 0) -> Iterator[Batch]:
    """Yield the data from the place `begin` on, each batch of one namespace and no larger than a call may be."""
    while begin < len(data):
        end = begin
        while end < len(data) and end - begin < MAX_DATA and data[end].namespace == data[begin].namespace:
            end += 1
        yield Batch(data[begin:end], end)
        begin = end


def put(endpoint_url: str, region: str, batch: Batch) -> None:
    """Put the data of a batch. Raises NotPut, and of these Refused where nobody need try again."""
    body = json.dumps({"Namespace": batch.data[0].namespace, "MetricData": [each.plain() for each in batch.data]})
    headers = {
        "Authorization": AUTHORIZATION.format(region=region),
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": TARGET,
    }
    parts = urlsplit(endpoint_url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{parts.path.rstrip('/')}/", body, headers)
        answer = connection.getresponse()
        text = answer.read(SHOWN_CHARACTERS).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotPut(f"{endpoint_url} does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        kind = Refused if _is_final(answer.status, text) else NotPut
        raise kind(f"{endpoint_url} answered {answer.status}: {text}")


def _is_final(status: int, text: str) -> bool:
    is_client_s_fault = http.client.BAD_REQUEST <= status < http.client.INTERNAL_SERVER_ERROR
    return is_client_s_fault and status not in LATER_STATUSES and THROTTLED not in text
