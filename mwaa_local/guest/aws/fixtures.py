"""The fixtures of a project, put in over HTTP as any client would, where there is nothing of that name yet."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .answers import SAID

# boto3 wants some; they are nobody's.
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
VERSIONED = {"Status": "Enabled"}  # as MWAA wants its source bucket
DEFAULT_REGION = "us-east-1"  # the one region that CreateBucket must not be told
NOT_THERE = ("404", "NoSuchBucket", "ResourceNotFoundException", "ParameterNotFound")
DIGEST_BYTES = 16
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Fixture:
    """One of them. `look` raises ClientError where nothing of that name is there."""

    name: str  # for people, and for `seeded`
    look: Callable[[], Any]
    puts: tuple[Callable[[], Any], ...]
    content: Callable[[], bytes]


Tell = Callable[[str, str, str, str], Any]  # about, what, why, hint


def put_all(values: dict[str, Any], endpoint_url: str, seeded: MutableMapping[str, str], tell: Tell) -> bool:
    """Put in the fixtures that are not there; say which one failed.

    `values` are as `aws_fixtures.Fixtures.to_json` returns them. `seeded` has the digest of each that was put in: one
    that changed since, and is there, stays as it is, and `tell` is called with what there is to say of that.
    """
    if not any(values[kind] for kind in ("buckets", "secrets", "parameters")):
        return True
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    def client(service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"})
        region = values["region"]
        return boto3.client(service, endpoint_url=endpoint_url, region_name=region, config=config, **CREDENTIALS)

    changed = []
    for fixture in _fixtures(values, client):
        try:
            digest = hashlib.blake2b(fixture.content(), digest_size=DIGEST_BYTES).hexdigest()
            if _is_there(fixture, ClientError):
                changed += [fixture.name] if seeded.get(fixture.name, digest) != digest else []
                continue
            for put in fixture.puts:
                put()
            seeded[fixture.name] = digest
        except (BotoCoreError, ClientError, OSError) as error:
            say(f"{fixture.name} could not be put in: {error}")
            return False
    if changed:
        _tell_changed(changed, tell)
    return True


def _is_there(fixture: Fixture, error_class: type[Any]) -> bool:
    try:
        fixture.look()
    except error_class as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            return False
        raise
    return True


def _tell_changed(names: list[str], tell: Tell) -> None:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    what = f"changed in tests/aws/, but not in the local AWS: {', '.join(names[:NAMES_SHOWN])}{more}"
    why = "tests/aws/ fills in what is absent; what is there stays as it is."
    tell("fixtures", what, why, "run `mwaa-local reset-aws` to begin anew, or change it there, too")


def _fixtures(values: dict[str, Any], client: Callable[[str], Any]) -> Iterator[Fixture]:
    """Yield the fixtures; only the services that have any get a client."""
    if values["buckets"]:
        yield from _of_s3(values, client("s3"))
    if values["secrets"]:
        secrets = client("secretsmanager")
        for name, value in values["secrets"].items():
            put = partial(secrets.create_secret, Name=name, SecretString=value)
            yield Fixture(f"secret {name}", partial(secrets.describe_secret, SecretId=name), (put,), value.encode)
    if values["parameters"]:
        parameters = client("ssm")
        for parameter in values["parameters"]:
            name, put = parameter["Name"], partial(parameters.put_parameter, **parameter)
            content = partial(_as_bytes, parameter)
            yield Fixture(f"parameter {name}", partial(parameters.get_parameter, Name=name), (put,), content)


def _of_s3(values: dict[str, Any], s3: Any) -> Iterator[Fixture]:
    constraint = {"CreateBucketConfiguration": {"LocationConstraint": values["region"]}}
    constraint = constraint if values["region"] != DEFAULT_REGION else {}
    for name in values["buckets"]:
        puts = (
            partial(s3.create_bucket, Bucket=name, **constraint),
            partial(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration=VERSIONED),
        )
        yield Fixture(f"s3://{name}", partial(s3.head_bucket, Bucket=name), puts, bytes)
    for bucket, key, path in values["objects"]:
        file = Path(values["folder"], path)
        put = partial(s3.upload_file, str(file), bucket, key)
        look = partial(s3.head_object, Bucket=bucket, Key=key)
        yield Fixture(f"s3://{bucket}/{key}", look, (put,), file.read_bytes)


def _as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def say(text: str) -> None:
    sys.stdout.write(f"{SAID}{text}\n")
    sys.stdout.flush()
