"""How a secrets backend of AWS finds an endpoint that the release's boto3 does not read from the environment. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from packaging.version import Version

from mwaa_local.configuration.option_names import variable_name
from mwaa_local.release import Release

ENDPOINT_BOTO3 = Version("1.28")  # the first that reads AWS_ENDPOINT_URL (boto3's changelog)
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
BACKEND, BACKEND_KWARGS = variable_name("secrets.backend"), variable_name("secrets.backend_kwargs")
# Modules of AWS's backends: the amazon provider's, and those of Airflow 1.10. They hand other arguments to boto3's
# client: `endpoint_url` among them.
BACKENDS_OF_AWS = ("airflow.providers.amazon.aws.secrets.", "airflow.contrib.secrets.aws_")
ENDPOINT_ARGUMENT = "endpoint_url"


def reads_endpoint(release: Release) -> bool:
    """Say whether the release's boto3 takes AWS_ENDPOINT_URL for the address of all services."""
    return Version(release.packages.base["boto3"]) >= ENDPOINT_BOTO3


def backend_kwargs(
    release: Release, container: Mapping[str, str], options: Mapping[str, str], exports: Mapping[str, str]
) -> dict[str, str]:
    """Return the variable of the backend's arguments with the endpoint in them; nothing where that is not needed.

    All by variable name. What a startup script exports, and arguments that are no JSON object, stay as they are.
    """
    url = container.get(ENDPOINT_VARIABLE, "")
    is_of_aws = options.get(BACKEND, "").startswith(BACKENDS_OF_AWS)
    if not url or not is_of_aws or reads_endpoint(release) or (BACKEND_KWARGS in exports.keys() - options.keys()):
        return {}
    try:
        kwargs = json.loads(options.get(BACKEND_KWARGS, "{}"))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(kwargs, dict) or ENDPOINT_ARGUMENT in kwargs:
        return {}
    return {BACKEND_KWARGS: json.dumps({**kwargs, ENDPOINT_ARGUMENT: url})}
