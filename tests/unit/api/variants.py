"""Requests to MWAA's API, good and broken, made from botocore's model of the service: the same ones for one seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from mwaa_local.environment.service_model import ServiceModel

KNOWN = "known"  # the environment that is there
REGION, ACCOUNT = "us-east-1", "000000000000"
ARN = f"arn:aws:airflow:{REGION}:{ACCOUNT}:environment/{KNOWN}"
MANY = 100_000
HOST = "localhost"
NOISE = ["", " ", "\x00", "é", "..", "../..", "a/b", "a\nb", "%", "😀", "'\"<>&", "-", "a" * 300, "{Name}"]
GOOD = {
    "AirflowConfigurationOptions": {"core.parallelism": "16"},
    "AirflowVersion": "3.3.1",
    "DagS3Path": "dags",
    "EndpointManagement": "SERVICE",
    "EnvironmentClass": "mw1.small",
    "EnvironmentName": KNOWN,
    "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/airflow",
    "KmsKey": "01234567-0123-0123-0123-0123456789ab",
    "LoggingConfiguration": {"TaskLogs": {"Enabled": True, "LogLevel": "INFO"}},
    "MaxWebservers": 3,
    "MaxWorkers": 5,
    "Method": "GET",
    "MetricData": [{"MetricName": "beat", "Timestamp": 1_700_000_000, "Dimensions": [{"Name": "a", "Value": "b"}]}],
    "MinWebservers": 2,
    "MinWorkers": 1,
    "Name": KNOWN,
    "Path": "/dags",
    "QueryParameters": {"limit": 5},
    "ResourceArn": ARN,
    "Schedulers": 2,
    "SourceBucketArn": "arn:aws:s3:::a-bucket",
    "Tags": {"team": "data", "cost centre": "42"},
    "WebserverAccessMode": "PUBLIC_ONLY",
    "WeeklyMaintenanceWindowStart": "MON:03:30",
    "tagKeys": ["team"],
}
SUBNETS, GROUPS = ["subnet-a", "subnet-b"], ["sg-a"]


@dataclass(frozen=True)
class Variant:
    """One request. `is_broken` says that it must be refused, whatever the state of the environment."""

    operation: str
    method: str
    target: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    is_broken: bool = False
    what: str = ""


@dataclass(frozen=True)
class Generator:
    """Makes requests out of the model, at random."""

    model: ServiceModel
    chance: random.Random

    def variants(self, count: int) -> Iterator[Variant]:
        operations = sorted(self.model.operations)
        ways: list[Callable[[str], Variant]] = [self.good, self.broken_member, self.noisy, self.broken_http]
        for _ in range(count):
            (way,) = self.chance.choices(ways, [1, 12, 4, 3])
            yield way(self.chance.choice(operations))

    def good(self, operation: str) -> Variant:
        return self._variant(operation, self._members(operation), what="good")

    def broken_member(self, operation: str) -> Variant:
        """Return a request with one member, at any depth, that the model does not allow, or without a required one."""
        shape = self._input(operation)
        members = self._members(operation)
        missing = [name for name in shape.get("required", ()) if shape["members"][name].get("location") != "uri"]
        if missing and self.chance.random() < 0.1:
            name = self.chance.choice(missing)
            del members[name]
            return self._variant(operation, members, is_broken=True, what=f"without {name}")
        name = self.chance.choice(sorted(shape["members"]))
        member = shape["members"][name]
        if member.get("location") and self.model.shapes[member["shape"]]["type"] == "string":
            value, what = self._broken_text(self.model.shapes[member["shape"]])
        elif name == "tagKeys":
            value, what = [self.chance.choice(["", "!", "a" * 129, "\x00"])], "no tag key"
        elif member.get("location") == "querystring":
            value, what = self.chance.choice(["", "0", "26", "-1", "x", "1.5", "9" * 30, "٣"]), "no count"
        else:
            value, what = self._broken(member["shape"], members.get(name))
        if value is _NOTHING:
            return self.good(operation)
        return self._variant(operation, {**members, name: value}, is_broken=True, what=f"{name}: {what}")

    def noisy(self, operation: str) -> Variant:
        """Return a request with something odd in it, which may be good all the same."""
        members = self._members(operation)
        name = self.chance.choice(sorted(self._input(operation)["members"]))
        noise: Any = self.chance.choice(
            [*NOISE, None, 0, -1, 2**40, 1e308, True, [], {}, [[]], {"": None}, {"a": [{}]}]
        )
        if self._input(operation)["members"][name].get("location"):
            noise = self.chance.choice(NOISE)
        extra = {self.chance.choice(["Unknown", "name", "", "__type", "é"]): noise}
        return self._variant(operation, {**members, name: noise, **extra}, what=f"noise in {name}")

    def broken_http(self, operation: str) -> Variant:
        good = self.good(operation)
        has_body = bool(good.body)
        ways: list[Callable[[], Variant]] = [
            lambda: replace(good, method=self.chance.choice(["POST", "PUT", "TRACE", "OPTIONS", "HEAD", "LOOK"])),
            lambda: replace(good, target=good.target.partition("?")[0] + self.chance.choice(["/", "/x", "//", "%2Fx"])),
            lambda: replace(
                good, target="/" + self.chance.choice(["", "environment", "tags", "%FF", "a/b/c", "clitoken"])
            ),
            lambda: replace(good, target=f"{good.target.partition('?')[0]}?MaxResults=%FF&tagKeys=%FF"),
            lambda: replace(
                good, headers={"Authorization": self.chance.choice(["", "Basic YTpi", "AWS4-HMAC-SHA256 x"])}
            ),
            lambda: replace(
                good, headers={"Host": self.chance.choice(["example.com", "", "a b", "localhost.example.com"])}
            ),
            lambda: replace(good, headers={"Sec-Fetch-Site": "cross-site"}),
            lambda: replace(good, headers={"Origin": "https://example.com"}),
        ]
        if has_body:
            bodies = [b"{", b"[]", b"null1", b'"text"', b"\xff\xfe", b'{"Tags": NaN}', b"[" * MANY, b'{"a":' * MANY]
            bodies += [good.body[:-1], good.body + b"}", b'{"Path": "\\ud800", "DagS3Path": "\\ud800"}', b"1" * 5000]
            ways += [lambda: replace(good, body=self.chance.choice(bodies), is_broken=True)] * 4
        return replace(self.chance.choice(ways)(), what="http")

    def _members(self, operation: str) -> dict[str, Any]:
        """Return good members of an operation: those that it must have, and some of the others."""
        shape = self._input(operation)
        names = [
            name
            for name, member in shape["members"].items()
            if (name in GOOD or name == "NetworkConfiguration") and "Teams" not in member["shape"]
        ]
        required = shape.get("required", ())
        chosen = [name for name in names if name in required or self.chance.random() < 0.4]
        return {name: self._network(operation) if name == "NetworkConfiguration" else GOOD[name] for name in chosen}

    def _network(self, operation: str) -> dict[str, Any]:
        subnets = {"SubnetIds": SUBNETS} if operation == "CreateEnvironment" else {}
        return {"SecurityGroupIds": GROUPS, **subnets}

    def _broken(self, shape_name: str, good: Any) -> tuple[Any, str]:
        """Return a value that the shape does not allow, and what is wrong with it."""
        shape = self.model.shapes[shape_name]
        if shape.get("document"):
            return _NOTHING, ""
        kind = shape["type"]
        if kind == "string":
            if self.chance.random() < 0.5:
                return self.chance.choice([1, 1.5, True, [], {}, ["a"]]), "no text"
            return self._broken_text(shape)
        if kind in ("integer", "boolean", "double", "timestamp"):
            return self._broken_scalar(shape)
        wrong = {"list": {"a": 1}, "map": ["a"], "structure": "a"}
        if self.chance.random() < 0.3:
            return self.chance.choice([wrong[kind], 1, True, "text"]), f"no {kind}"
        return {"list": self._broken_list, "map": self._broken_map, "structure": self._broken_structure}[kind](
            shape, good
        )

    def _broken_text(self, shape: Mapping[str, Any]) -> tuple[Any, str]:
        ways: list[tuple[str, str]] = []
        if shape.get("min", 0) > 0:
            ways.append(("", "too short"))
        if "max" in shape and shape.get("sensitive") is None:
            ways += [("a" * (shape["max"] + 1), "too long"), ("a" * 20_000, "far too long")]
        if "enum" in shape:
            ways += [("x", "another word"), (shape["enum"][0].lower(), "lower case")]
        if "pattern" in shape and shape["pattern"] not in (".*", ".+"):
            ways += [("\x00", "another pattern"), ("é😀\n", "another pattern")]
        return self.chance.choice(ways) if ways else (_NOTHING, "")

    def _broken_scalar(self, shape: Mapping[str, Any]) -> tuple[Any, str]:
        if shape["type"] == "boolean":
            return self.chance.choice(["true", 0, 1, [], "x"]), "no boolean"
        ways = ["5", [], {}, True, "x", "NaN"]
        if shape["type"] == "integer":
            ways += [1.5, 2**31, 10**30]
            ways += [shape["min"] - 1] if "min" in shape else []
            ways += [shape["max"] + 1] if "max" in shape else []
        else:
            ways += [10**400]
        return self.chance.choice(ways), "no such number"

    def _broken_list(self, shape: Mapping[str, Any], good: Any) -> tuple[Any, str]:
        items = list(good or [self._any(shape["member"]["shape"])])
        if "max" in shape and self.chance.random() < 0.4:
            return items * (shape["max"] + 1), "too many"
        value, what = self._broken(shape["member"]["shape"], items[0])
        return ([value, *items[1:]], what) if value is not _NOTHING else (_NOTHING, "")

    def _broken_map(self, shape: Mapping[str, Any], good: Any) -> tuple[Any, str]:
        if "max" in shape and self.chance.random() < 0.2:
            return {
                f"key{number}": self._any(shape["value"]["shape"]) for number in range(shape["max"] + 1)
            }, "too many"
        if self.chance.random() < 0.5:
            key, what = self._broken_text(self.model.shapes[shape["key"]["shape"]])
            return {**(good or {}), key: self._any(shape["value"]["shape"])}, f"a key: {what}"
        value, what = self._broken(shape["value"]["shape"], None)
        return ({**(good or {}), "core.x": value}, what) if value is not _NOTHING else (_NOTHING, "")

    def _broken_structure(self, shape: Mapping[str, Any], good: Any) -> tuple[Any, str]:
        members = dict(good or {name: self._any(m["shape"]) for name, m in shape["members"].items()})
        required = shape.get("required", ())
        if required and self.chance.random() < 0.3:
            members.pop(required[0], None)
            return members, f"without {required[0]}"
        name = self.chance.choice(sorted(shape["members"]))
        value, what = self._broken(shape["members"][name]["shape"], members.get(name))
        return ({**members, name: value}, f"{name}: {what}") if value is not _NOTHING else (_NOTHING, "")

    def _any(self, shape_name: str) -> Any:
        """Return some value of a shape, by and large a good one."""
        shape = self.model.shapes[shape_name]
        kinds: dict[str, Any] = {"string": shape.get("enum", ["a"])[0], "integer": 2, "boolean": True, "double": 1.0}
        if shape["type"] == "structure":
            return {name: self._any(member["shape"]) for name, member in shape["members"].items()}
        if shape["type"] == "list":
            return [self._any(shape["member"]["shape"])]
        return {} if shape["type"] == "map" else kinds.get(shape["type"], 1)

    def _input(self, operation: str) -> Mapping[str, Any]:
        return self.model.shapes[self.model.operations[operation]["input"]["shape"]]

    def _variant(self, operation: str, members: Mapping[str, Any], *, is_broken: bool = False, what: str) -> Variant:
        """Return the request that clients make of these members, whether they are good or not."""
        http = self.model.operations[operation]["http"]
        target, query, body = http["requestUri"], [], {}
        for name, value in members.items():
            member = self._input(operation)["members"].get(name, {})
            location, place = member.get("location"), member.get("locationName", name)
            if location == "uri":
                target = target.replace(f"{{{place}}}", quote(str(value), safe=""))
            elif location == "querystring":
                query += [(place, each) for each in (value if isinstance(value, list) else [value])]
            else:
                body[name] = value
        has_body = any("location" not in member for member in self._input(operation)["members"].values())
        return Variant(
            operation,
            http["method"],
            target + (f"?{urlencode(query)}" if query else ""),
            json.dumps(body).encode() if has_body else b"",
            is_broken=is_broken,
            what=what,
        )


class _Nothing:
    """Stands for a value that cannot be made wrong."""


_NOTHING = _Nothing()
