"""How clients of AWS find the local one: names, variables, and for old ones a file of endpoints.

boto3 puts a prefix before the host of a few operations, whatever the endpoint: `api.localhost` for MWAA's own. No
resolver knows such names everywhere, so that components get them in a hosts file, and containers as aliases. A boto3
that does not read AWS_ENDPOINT_URL (before 1.28) takes its addresses from a file of its own, of which it can be given
another (botocore, `loaders.py`: AWS_DATA_PATH).
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.version import Version

from mwaa_local.configuration.log_groups import ACCOUNT_ID
from mwaa_local.place import HOST, Place
from mwaa_local.release import Release

ENDPOINT_BOTO3 = Version("1.28")  # the first that reads AWS_ENDPOINT_URL (boto3's changelog)
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
# botocore newer than 1.37.3 leaves the prefix out; older ones do not know the variable.
NO_PREFIX_VARIABLE = "AWS_DISABLE_HOST_PREFIX_INJECTION"
# Prefixes of MWAA's operations, and of those of other services that moto knows (botocore's models, `hostPrefix`). The
# last one is S3 Control's, which has the account there.
HOST_PREFIXES = ("api.", "env.", "ops.", "data-", "query-", "stream-", "sync-", f"{ACCOUNT_ID}.")
LOCALHOST = "localhost"  # not 127.0.0.1: moto looks for this word in URLs of templates, and a prefix needs a name
DATA_DIR, DATA_NAME, CONFIG_NAME = "aws", "endpoints.json", "config"
# Buckets stay in the path: no resolver knows `my-bucket.localhost`. boto3 has no variable for it.
PATH_STYLE = "[default]\ns3 =\n  addressing_style = path\n"
ADDRESS_WORDS = ("hostname", "protocols", "sslCommonName", "variants")  # in the file of endpoints


def reads_endpoint(release: Release) -> bool:
    """Say whether the release's boto3 takes AWS_ENDPOINT_URL for the address of all services."""
    return Version(release.packages.base["boto3"]) >= ENDPOINT_BOTO3


def host_of(address: tuple[str, int]) -> str:
    """Return the name by which clients reach that address."""
    return LOCALHOST if address[0] == HOST else address[0]


def is_this_machine(url: str) -> bool:
    """Say whether a URL leads to the machine that asks."""
    host = (urlsplit(url).hostname or "").lower()
    if host == LOCALHOST or host.endswith(f".{LOCALHOST}"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_names(host: str) -> tuple[str, ...]:
    """Return all names that clients make of an endpoint's host."""
    return (host, *(f"{prefix}{host}" for prefix in HOST_PREFIXES))


def url_for_clients(address: tuple[str, int]) -> str:
    return f"http://{host_of(address)}:{address[1]}"


def endpoint_variables(release: Release, place: Place, url: str) -> dict[str, str]:
    """Return the variables by which tasks of a release find an AWS at that URL; write the files that they name."""
    variables = {ENDPOINT_VARIABLE: url, NO_PREFIX_VARIABLE: "true"}
    if reads_endpoint(release):
        return variables
    data_path = place.shown(f"{DATA_DIR}/{DATA_NAME}", json.dumps(endpoints(url)))
    return {
        **variables,
        "AWS_DATA_PATH": data_path.removesuffix(f"/{DATA_NAME}"),
        "AWS_CONFIG_FILE": place.shown(f"{DATA_DIR}/{CONFIG_NAME}", PATH_STYLE),
        # Else these ask the one address of old, which is not read from the file (botocore, `args.py`).
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
    }


def endpoints(url: str) -> dict[str, Any]:
    """Return botocore's own file of endpoints with that URL as the address of each: regions and scopes stay."""
    parts = urlsplit(url)
    address = {"hostname": parts.netloc, "protocols": [parts.scheme]}
    found = importlib.util.find_spec("botocore")
    assert found is not None and found.origin is not None
    data: dict[str, Any] = json.loads((Path(found.origin).parent / "data" / DATA_NAME).read_bytes())
    for partition in data["partitions"]:
        partition["defaults"] = {**_without_address(partition["defaults"]), **address}
        for service in partition["services"].values():
            service["defaults"] = _without_address(service.get("defaults", {}))
            service["endpoints"] = {name: _without_address(each) for name, each in service["endpoints"].items()}
    return data


def _without_address(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if name not in ADDRESS_WORDS}
