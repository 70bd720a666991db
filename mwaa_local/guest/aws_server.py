"""Run by an interpreter that has moto: AWS's services in memory, with the fixtures of a project in them.

    python -I aws_server.py HOST PORT FILE

FILE is JSON as `aws_fixtures.Fixtures.to_json` returns it. Nothing answers at the port before everything is in.
Needs nothing of this package, since it runs in an image of its own, too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# boto3 wants some; they are nobody's.
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
DEFAULT_REGION = "us-east-1"  # the one region that CreateBucket must not be told
SAID = "mwaa-local: "  # how our own lines in its log begin


def main() -> int:
    host, port, values_path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    values = json.loads(values_path.read_text(encoding="utf-8"))
    from moto.server import ThreadedMotoServer  # type: ignore[import-not-found]

    within = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    within.start()
    if not put_all(values, "http://{}:{}".format(*within.get_host_and_port())):
        return 1
    # What a server of moto holds belongs to the process, so a second one at the known port has it all at once.
    ThreadedMotoServer(host, port, verbose=False)._server_entry()
    return 0


def put_all(values: dict[str, Any], endpoint_url: str) -> bool:
    """Put the fixtures in; say which one failed."""
    import boto3  # type: ignore[import-not-found]
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    def client(service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        region = values["region"]
        return boto3.client(service, endpoint_url=endpoint_url, region_name=region, config=config, **CREDENTIALS)

    s3, secrets, parameters = client("s3"), client("secretsmanager"), client("ssm")
    constraint = {"CreateBucketConfiguration": {"LocationConstraint": values["region"]}}
    name = ""
    try:
        for name in values["buckets"]:
            s3.create_bucket(Bucket=name, **(constraint if values["region"] != DEFAULT_REGION else {}))
        for bucket, key, path in values["objects"]:
            name = path
            s3.upload_file(str(Path(values["folder"], path)), bucket, key)
        for name, value in values["secrets"].items():
            secrets.create_secret(Name=name, SecretString=value)
        for parameter in values["parameters"]:
            name = parameter["Name"]
            parameters.put_parameter(**parameter)
    except (BotoCoreError, ClientError, OSError) as error:
        say(f"{name} could not be put in: {error}")
        return False
    return True


def say(text: str) -> None:
    sys.stdout.write(f"{SAID}{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
