"""The smallest policy that grants what was called, as IAM takes it. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .calls import Need
from .ledger import widened
from .policies import ANY

VERSION = "2012-10-17"  # of the policy language; the newest
MAX_OBJECTS = 5  # of a bucket that one action names; more become one pattern
MAX_RESOURCES = 20  # of one action
# What a service names anew each time, so that tomorrow's is another one.
_GENERATED = re.compile(r"(:cluster/)j-\w+$|((?::job/|:execution:[^:]+:)).*[0-9a-f]{8}-[0-9a-f]{4}-.*$")
_OBJECT = re.compile(r"(arn:[\w-]+:s3:::[^/]+)/(.+)")
# Says of an action whether it can be granted on resources: None where the data of IAM does not know it.
TakesResources = Callable[[str], "bool | None"]


def minimal_policy(needs: Iterable[Need], takes_resources: TakesResources = lambda _action: None) -> dict[str, Any]:
    """Return a policy document that grants these, and as little else as can be."""
    found: dict[str, set[str]] = {}
    for need in needs:
        if need.action:
            resource = ANY if takes_resources(need.action) is False else _lasting(need.resource) or ANY
            found.setdefault(need.action, set()).add(resource)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for action, resources in sorted(found.items()):
        alike.setdefault((action.partition(":")[0], _few(resources)), []).append(action)
    numbers: dict[str, int] = {}
    return {"Version": VERSION, "Statement": [_statement(key, actions, numbers) for key, actions in alike.items()]}


def _statement(key: tuple[str, tuple[str, ...]], actions: list[str], numbers: dict[str, int]) -> Mapping[str, Any]:
    service, resources = key
    numbers[service] = numbers.get(service, 0) + 1
    name = "".join(filter(str.isalnum, service.title()))
    return {
        "Sid": name if numbers[service] == 1 else f"{name}{numbers[service]}",
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }


def _lasting(resource: str) -> str:
    return _GENERATED.sub(lambda found: f"{found[1] or found[2]}{ANY}", resource)


def _few(resources: set[str]) -> tuple[str, ...]:
    """Return these resources, or patterns for them where they are many."""
    if ANY in resources:
        return (ANY,)
    buckets: dict[str, list[str]] = {}
    others = set()
    for resource in resources:
        if found := _OBJECT.fullmatch(resource):
            buckets.setdefault(found[1], []).append(found[2])
        else:
            others.add(resource)
    if len(others) > MAX_RESOURCES:
        others = {widened(resource) for resource in others}
    for bucket, keys in buckets.items():
        others |= {f"{bucket}/{key}" for key in (keys if len(keys) <= MAX_OBJECTS else [_common(keys)])}
    return tuple(sorted(others))


def _common(keys: list[str]) -> str:
    """Return a pattern for objects of one folder, or of as deep a folder as holds them all."""
    folders = [key.split("/")[:-1] for key in keys]
    common = itertools.takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    return "/".join([*(names[0] for names in common), ANY])
