"""What botocore finds for a profile of the user's, and of it a session of the execution role where that is possible.

Runs where botocore is: in the launcher's own interpreter. Nothing of it is written anywhere. botocore does what it does
for every client: keys of a file, `credential_process`, IAM Identity Center, roles of other profiles or of a machine.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SESSION = "AmazonMWAA-airflow"  # as MWAA names its sessions
SESSION_S = 3600  # the most that a role which was reached by another one may have (STS API reference, AssumeRole)
# botocore asks again this long before the end (`credentials.py`, advisory refresh); a little earlier than tasks do.
RENEW_BEFORE_S = 20 * 60.0
# What keys without an end are said to last: botocore wants a time, and asks again before it.
ENDLESS_S = 3600.0
TRUST_ACTION = "sts:AssumeRole"


class NoCredentials(Exception):
    """Nothing can be handed out: what is wrong, why, and what to do about it."""

    def __init__(self, what: str, why: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.why, self.hint = what, why, hint


@dataclass(frozen=True)
class Handed:
    """Credentials as a container's endpoint hands them out. `expires_at` is in seconds since 1970."""

    key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: float
    account_id: str
    who: str  # an ARN
    not_assumed: str = ""  # why these are not the execution role's, and the statement that is lacking

    def to_json(self) -> bytes:
        """Return the answer of such an endpoint (botocore, ContainerProvider)."""
        end = datetime.datetime.fromtimestamp(self.expires_at, datetime.timezone.utc)
        plain = {"AccessKeyId": self.key, "SecretAccessKey": self.secret, "Token": self.token}
        return json.dumps({**plain, "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()


@dataclass(frozen=True)
class Source:
    """Whose credentials. `role_arn` is "" where the environment has no execution role."""

    profile: str
    region: str
    role_arn: str = ""

    @classmethod
    def of(cls, plain: Mapping[str, str]) -> Source:
        return cls(plain["profile"], plain["region"], plain["role_arn"])

    def open(self) -> Session:
        """Return botocore's session for it, which renews what ends. Raises NoCredentials."""
        import botocore.session
        from botocore.exceptions import BotoCoreError

        from .programs import run_limited

        session = botocore.session.Session(profile=self.profile)
        try:
            run_limited(session)
            found = session.get_credentials()
        # ValueError: words of `credential_process` with a quotation mark that is not closed, by `shlex`.
        except (BotoCoreError, ValueError) as error:
            raise self._nothing(error) from error
        if found is None:
            raise self._nothing("botocore found none.")
        return Session(self, session, found)

    def _nothing(self, why: object) -> NoCredentials:
        return NoCredentials(f"the profile {self.profile} gives no AWS credentials", str(why), self._hint)

    @property
    def _hint(self) -> str:
        return f"aws sts get-caller-identity --profile {self.profile} must work; name another profile by `AwsProfile`"

    def _refused(self, why: object) -> NoCredentials:
        what = f"the profile {self.profile} gives credentials, but STS does not accept them"
        return NoCredentials(what, str(why), self._hint)

    def _not_asked(self, why: object) -> NoCredentials:
        return NoCredentials(
            f"the profile {self.profile} gives credentials, but STS could not be asked whose they are",
            str(why),
            "look at your network, HTTPS_PROXY and the region of the profile; offline, use `Aws: local` or `Aws: host`",
        )


class Session:
    """One session of botocore's, and what was last made of it."""

    def __init__(self, source: Source, session: Any, credentials: Any) -> None:
        self._source, self._session, self._credentials = source, session, credentials

    def fetch(self, now: float) -> Handed:
        """Return credentials that are good for now; of the execution role where it can be assumed.

        Raises NoCredentials where there are none, or where they are of another account than the execution role.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            frozen = self._credentials.get_frozen_credentials()
        # RuntimeError: what was got anew has ended already (botocore, RefreshableCredentials).
        except (BotoCoreError, ClientError, RuntimeError) as error:
            raise self._source._nothing(error) from error
        try:
            identity = self._client("sts").get_caller_identity()
        except ClientError as error:
            raise self._source._refused(error) from error
        except BotoCoreError as error:
            raise self._source._not_asked(error) from error
        own = Handed(
            frozen.access_key,
            frozen.secret_key,
            frozen.token or "",
            self._end(now),
            str(identity["Account"]),
            str(identity["Arn"]),
        )
        role_arn = self._source.role_arn
        if not role_arn:
            return own
        if (account_id := role_arn.split(":")[4]) != own.account_id:
            raise NoCredentials(
                f"the profile {self._source.profile} is of the account {own.account_id}, not of {account_id}",
                f"ExecutionRoleArn is {role_arn}; tasks would work in another account than on MWAA.",
                "name a profile of that account by `AwsProfile`, or mend ExecutionRoleArn",
            )
        try:
            return self._assume(own, role_arn)
        except (BotoCoreError, ClientError) as error:
            return Handed(**{**vars(own), "not_assumed": f"{error}; {_lacking(own.who, role_arn)}"})

    def _assume(self, own: Handed, role_arn: str) -> Handed:
        sts = self._client("sts")
        found = sts.assume_role(RoleArn=role_arn, RoleSessionName=SESSION, DurationSeconds=SESSION_S)
        keys, user = found["Credentials"], found["AssumedRoleUser"]
        end = keys["Expiration"].timestamp()
        return Handed(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], end, own.account_id, user["Arn"]
        )

    def _end(self, now: float) -> float:
        # botocore has no other name for it; keys of a file have none.
        end = getattr(self._credentials, "_expiry_time", None)
        return end.timestamp() if end is not None else now + ENDLESS_S

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 2}, connect_timeout=10, read_timeout=20)
        # A key of China, say, is known there alone.
        region = self._session.get_scoped_config().get("region") or self._source.region
        return self._session.create_client(service, region_name=region, config=config)


def _lacking(who: str, role_arn: str) -> str:
    principal = _principal(who)
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": TRUST_ACTION}
    return f"add to the trust policy of {role_arn.rpartition('/')[2]}: {json.dumps(statement)}"


def _principal(who: str) -> str:
    """Return what a trust policy names: of a role's session, the role."""
    head, _, name = who.partition(":assumed-role/")
    return who if not name else f"{head.replace(':sts:', ':iam:')}:role/{name.partition('/')[0]}"
