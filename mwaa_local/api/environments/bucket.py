"""The source bucket, read from an AWS endpoint of this machine with botocore.

In the operation's worker alone: a process that starts Airflow and ends does not mind the 0.2 s and 36 MB that a client
of botocore costs, while the API, which stays, would. botocore is a dependency already, for MWAA's model, and signs,
retries, pages and reads errors as any client does, whichever emulator answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mwaa_local.sync.reading import BucketMissing, BucketUnreadable

BUCKET_ARN_PREFIX = ":s3:::"
NO_BUCKET = "NoSuchBucket"
UNREADABLE_VERSION = "Unable to read version {version} of file {key}"
MISSING_CODES = ("NoSuchKey", "NoSuchVersion", "404")
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
# Whatever keys: an emulator checks no signature. The caller's own are not sent to a program of this machine.
KEY = "local"


class ObjectMissing(BucketUnreadable):
    """An object that the environment names is not in its bucket."""


class VersionMissing(ObjectMissing):
    """The version that the environment names is not there. Its `what` has the service's words (MWAA user guide)."""


class Bucket:
    """One bucket at one endpoint."""

    def __init__(self, arn: str, endpoint_url: str, region: str) -> None:
        self.name = arn.partition(BUCKET_ARN_PREFIX)[2] or arn
        self._endpoint_url = endpoint_url
        self._client = _client(endpoint_url, region)

    def fetch(self, key: str, target: Path, version: str | None = None) -> None:
        """Write an object to a file, of that version if one is given. Raises BucketUnreadable."""
        more = {"VersionId": version} if version else {}
        place = f"s3://{self.name}/{key}" + (f" (version {version})" if version else "")

        def read() -> Iterator[bytes]:
            body = self._client.get_object(Bucket=self.name, Key=key, **more)["Body"]
            return iter(body.iter_chunks(1 << 20))

        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for chunk in self._asked(read, place, key, version):
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            why = "Another key ends where this one goes on; a folder cannot hold both."
            raise BucketUnreadable(f"{place} cannot be a file here", why, "remove one of the two objects") from error

    def _asked(self, ask: Any, place: str = "", key: str = "", version: str | None = None) -> Iterator[Any]:
        """Yield what comes of a question, botocore's errors turned into ours."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield from ask()
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            kind, what, hint = (
                BucketUnreadable,
                f"{place or f's3://{self.name}'} cannot be read",
                "read what it answered",
            )
            if code == NO_BUCKET or (code in MISSING_CODES and not place):
                kind, what = BucketMissing, f"the bucket {self.name} does not exist"
                hint = f"aws s3 mb s3://{self.name}, and upload the environment's files to it"
            elif code in MISSING_CODES:
                kind, what = ObjectMissing, f"{place} does not exist"
                hint = f"upload it: aws s3 cp FILE s3://{self.name}/{key}"
                if version:
                    kind, what = VersionMissing, UNREADABLE_VERSION.format(version=version, key=key)
                    hint = f"name a version that there is: aws s3api list-object-versions --bucket {self.name}"
            raise kind(what, f"{self._endpoint_url} answered: {error}", hint) from error
        except BotoCoreError as error:
            hint = "start what answers there: for a local AWS, the project that has it, by `up` in its folder"
            raise BucketUnreadable(f"{self._endpoint_url} does not answer", str(error), hint) from error


def _client(endpoint_url: str, region: str) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    config = Config(
        s3={"addressing_style": "path"},  # a bucket's name before `localhost` is not known to every resolver
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        proxies={},
    )
    return Session().create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
        config=config,
    )
