"""How clients outside of the environment are pointed at it: variables of a shell, or a profile of the AWS CLI. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mwaa_local.configuration.base import LOCAL_CREDENTIALS
from mwaa_local.services.aws_clients import ENDPOINT_VARIABLE, NO_PREFIX_VARIABLE

MWAA_VARIABLE = f"{ENDPOINT_VARIABLE}_MWAA"
# What would lead a client elsewhere, or send somebody's credentials here.
IN_THE_WAY = (
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
# With any of these a shell has keys of its own, or a way to them.
OWN_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
VARIABLE_NAME = re.compile(r"[A-Z0-9_]+")  # of those that SDKs read; the shell runs what is printed
PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]*")
DEFAULT_PROFILE = "default"
PREFIX_NOTE = (
    "boto3 up to 1.37.3 and AWS CLIs of that time ignore AWS_DISABLE_HOST_PREFIX_INJECTION: `aws mwaa` then needs"
    " `127.0.0.1 api.localhost env.localhost ops.localhost` in /etc/hosts"
)
ALONE_NOTE = (
    "this is MWAA's API alone, for which any credentials will do; other services answer while an environment with"
    " `Local: {Aws: local}` runs"
)
KEYS_NOTE = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are this machine's own, since the shell had none: unset both before"
    " you ask the real AWS, also where it would take a role of the machine"
)
ALONE_PREFIX_NOTE = (
    "AWS_DISABLE_HOST_PREFIX_INJECTION counts for all services: unset it for those of the real AWS that need a prefix,"
    " such as S3 Control"
)


@dataclass(frozen=True)
class AwsAccess:
    """Where AWS's clients find a project. At least one of the two addresses is there."""

    region: str
    url: str = ""  # of all services
    mwaa_url: str = ""  # of MWAA, where another address answers for it
    prefixes_resolve: bool = False  # `api.localhost` leads to this machine here, so that nothing need be switched off

    @property
    def variables(self) -> dict[str, str]:
        """The variables that a shell needs; without a local AWS they leave the other services as they are."""
        endpoints = {ENDPOINT_VARIABLE: self.url, MWAA_VARIABLE: self.mwaa_url}
        found = {name: url for name, url in endpoints.items() if url}
        if self.url:
            found |= {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region, **LOCAL_CREDENTIALS}
        return found if self.prefixes_resolve else {**found, NO_PREFIX_VARIABLE: "true"}

    def lacking(self, shell: Mapping[str, str], *, has_files: bool) -> dict[str, str]:
        """Return what MWAA's clients need besides and a shell has none of: a region, and keys for signing.

        Only without a local AWS, since other services go on being asked with what the shell has. `has_files`: its user
        has files of the AWS CLI, which may hold both.
        """
        if self.url or has_files:
            return {}
        regions = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), self.region)
        found = {} if any(shell.get(name) for name in regions) else regions
        return found if any(shell.get(name) for name in OWN_KEYS) else {**found, **LOCAL_CREDENTIALS}

    def unset(self, shell: Iterable[str]) -> list[str]:
        """Return which variables of a shell are in the way."""
        if not self.url:
            return []
        other = (name for name in shell if name.startswith(f"{ENDPOINT_VARIABLE}_") and name not in self.variables)
        return sorted({*(name for name in shell if name in IN_THE_WAY), *filter(VARIABLE_NAME.fullmatch, other)})

    @property
    def notes(self) -> list[str]:
        """What to know besides, for people."""
        if self.url:
            return [] if self.prefixes_resolve else [PREFIX_NOTE]
        return [ALONE_NOTE] if self.prefixes_resolve else [ALONE_NOTE, ALONE_PREFIX_NOTE, PREFIX_NOTE]

    def of_command(self, shell: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of an AWS CLI that asks nobody but this project."""
        kept = {name: value for name, value in shell.items() if not name.startswith("AWS_")}
        kept |= {name: shell[name] for name in KEPT_BY_COMMAND if name in shell}
        # As the proxy of the endpoint's own requests, the endpoint is found whatever stands before `localhost`, by CLIs
        # of any version; nothing else is asked by http.
        around = {name for name in kept if name.lower() in ("no_proxy", "http_proxy")}
        proxy = self.url or self.mwaa_url
        return {
            **{name: value for name, value in kept.items() if name not in around},
            "http_proxy": proxy,
            "HTTP_PROXY": proxy,
            **LOCAL_CREDENTIALS,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **OF_COMMAND,
            ENDPOINT_VARIABLE: proxy,  # MWAA's API alone says of other services where they are
            **self.variables,
            NO_PREFIX_VARIABLE: "true",
        }

    def profile(self, name: str) -> str:
        """Return a block for `~/.aws/config`, with keys: those of the shell do not count with a profile."""
        head = name if name == DEFAULT_PROFILE else f"profile {name}"
        lines = [f"[{head}]", f"region = {self.region}"]
        services = f"{name}-services"
        lines += [f"endpoint_url = {self.url}"] if self.url else []
        lines += [f"services = {services}"] if self.mwaa_url else []
        lines += ["disable_host_prefix_injection = true"]
        lines += [f"{key.lower()} = {value}" for key, value in LOCAL_CREDENTIALS.items()]
        if self.mwaa_url:
            lines += ["", f"[services {services}]", "mwaa =", f"  endpoint_url = {self.mwaa_url}"]
        return "\n".join(lines)


# Of the caller's shell: how a CLI shows what it gets, and what it does when an answer does not come.
KEPT_BY_COMMAND = ("AWS_DEFAULT_OUTPUT", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE")
OF_COMMAND = {
    "AWS_PAGER": "",
    "AWS_CLI_AUTO_PROMPT": "off",
    "AWS_EC2_METADATA_DISABLED": "true",
    # A file of the user's may lead elsewhere, by the profile `default` alone.
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
