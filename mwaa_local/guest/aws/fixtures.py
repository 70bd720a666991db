"""The fixtures of a project, put in over HTTP as any client would."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .answers import SAID

# boto3 wants some; they are nobody's.
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
VERSIONED = {"Status": "Enabled"}  # as MWAA wants its source bucket
DEFAULT_REGION = "us-east-1"  # the one region that CreateBucket must not be told


def put_all(values: dict[str, Any], endpoint_url: str) -> bool:
    """Put the fixtures in; say which one failed. `values` are as `aws_fixtures.Fixtures.to_json` returns them."""
    if not any(values[kind] for kind in ("buckets", "secrets", "parameters")):
        return True
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    def client(service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"})
        region = values["region"]
        return boto3.client(service, endpoint_url=endpoint_url, region_name=region, config=config, **CREDENTIALS)

    for name, put in _puts(values, client):
        try:
            put()
        except (BotoCoreError, ClientError, OSError) as error:
            say(f"{name} could not be put in: {error}")
            return False
    return True


def _puts(values: dict[str, Any], client: Callable[[str], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield (name, what puts it in) of each fixture; only the services that have any get a client."""
    if values["buckets"]:
        s3 = client("s3")
        constraint = {"CreateBucketConfiguration": {"LocationConstraint": values["region"]}}
        constraint = constraint if values["region"] != DEFAULT_REGION else {}
        for name in values["buckets"]:
            yield name, partial(s3.create_bucket, Bucket=name, **constraint)
            yield name, partial(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration=VERSIONED)
        for bucket, key, path in values["objects"]:
            yield path, partial(s3.upload_file, str(Path(values["folder"], path)), bucket, key)
    if values["secrets"]:
        secrets = client("secretsmanager")
        for name, value in values["secrets"].items():
            yield name, partial(secrets.create_secret, Name=name, SecretString=value)
    if values["parameters"]:
        parameters = client("ssm")
        for parameter in values["parameters"]:
            yield parameter["Name"], partial(parameters.put_parameter, **parameter)


def say(text: str) -> None:
    sys.stdout.write(f"{SAID}{text}\n")
    sys.stdout.flush()
