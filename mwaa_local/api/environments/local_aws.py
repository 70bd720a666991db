"""The local AWS of a project: where it answers, and what it is asked without a client library.

The API asks here, which stays; the worker of an operation has botocore (`bucket`).
"""

from __future__ import annotations

import http.client
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from mwaa_local.errors import MwaaLocalError
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime

AWS = "aws"  # the component
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as SDKs read them
TIMEOUT_S = 5.0
EC2_VERSION = "2016-11-15"  # of EC2's API, the only one that SDKs of today speak
# The signature is not checked; which service is meant is read from the scope.
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=local/20000101/{region}/ec2/aws4_request, SignedHeaders=host, Signature=0"


def running_aws(owner: Project, env: Mapping[str, str]) -> str | None:
    """Return the URL of the local AWS that runs in a project; None where none does."""
    try:
        plan = existing_runtime(owner, env).running_plan() if owner.run_dir.exists() else None
    except MwaaLocalError:  # an engine that does not answer runs nothing
        return None
    return f"http://localhost:{plan.ports[AWS]}" if plan is not None and AWS in plan.ports else None


def endpoint_services(endpoint_url: str, region: str, wanted: Sequence[str]) -> set[str]:
    """Return for which of these services there is a VPC endpoint in EC2 there; none where EC2 does not answer."""
    filters = {f"Filter.1.Value.{number}": name for number, name in enumerate(wanted, 1)}
    query = {"Action": "DescribeVpcEndpoints", "Version": EC2_VERSION, "Filter.1.Name": "service-name", **filters}
    parts = urlsplit(endpoint_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    headers = {
        "Authorization": AUTHORIZATION.format(region=region),
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    try:
        connection.request("POST", parts.path or "/", urlencode(query), headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != http.client.OK:
            return set()
        tree = ET.fromstring(text)
    except (OSError, http.client.HTTPException, ET.ParseError):
        return set()
    finally:
        connection.close()
    found = {element.text for element in tree.iter() if element.tag.endswith("}serviceName")}
    return {name for name in wanted if name in found}
