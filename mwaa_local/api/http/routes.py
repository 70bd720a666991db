"""Which operation a method and a path mean, out of botocore's model of the service."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from mwaa_local.environment.service_model import ServiceModel

# Airflow's own operators ask for longer paths than the 64 characters of the model: the id of a DAG run alone has 40.
REST_PATH_SHAPE = "RestApiPath"


@dataclass(frozen=True)
class Operation:
    """One operation of the service. `template` is its path, in segments: `("environments", "{Name}")`."""

    name: str
    method: str
    template: tuple[str, ...]
    input_shape: str
    output_shape: str
    status: int  # of a good answer
    errors: frozenset[str]  # shapes of the errors that it may answer with


@dataclass(frozen=True)
class Labels:
    """The values in a path, by the names of the model's labels."""

    operation: Operation
    values: Mapping[str, str]


class Routes:
    """All operations of the service."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.operations = {name: _operation(name, plain) for name, plain in model.operations.items()}

    @classmethod
    @functools.cache
    def load(cls) -> Routes:
        """Return the operations of MWAA, with the one limit that the service does not hold taken out of its model."""
        model = ServiceModel.load()
        path_shape = {name: value for name, value in model.shapes[REST_PATH_SHAPE].items() if name != "max"}
        return cls(replace(model, shapes={**model.shapes, REST_PATH_SHAPE: path_shape}))

    def find(self, method: str, raw_path: str) -> Labels | None:
        """Return what a request asks for; None for no operation. `raw_path` is as it came, still percent-encoded.

        Raises ValueError where an escaped label is no UTF-8.
        """
        segments = _path_of(raw_path).removeprefix("/").split("/")
        for operation in self.operations.values():
            if operation.method == method and _fits(operation.template, segments):
                return Labels(operation, dict(_labels(operation.template, segments)))
        return None


def _operation(name: str, plain: Mapping[str, Any]) -> Operation:
    http = plain["http"]
    return Operation(
        name,
        http["method"],
        tuple(http["requestUri"].removeprefix("/").split("/")),
        plain["input"]["shape"],
        plain["output"]["shape"],
        int(http.get("responseCode", 200)),
        frozenset(error["shape"] for error in plain.get("errors", ())),
    )


def _path_of(target: str) -> str:
    """Return the path of a request's target, without its query. The target may be a whole URL (RFC 9112, 3.2.2)."""
    return (target if target.startswith("/") else urlsplit(target).path).partition("?")[0]


def _fits(template: tuple[str, ...], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        _is_label(word) or word == segment for word, segment in zip(template, segments, strict=True)
    )


def _labels(template: tuple[str, ...], segments: list[str]) -> Iterator[tuple[str, str]]:
    for word, segment in zip(template, segments, strict=True):
        if _is_label(word):
            yield word[1:-1], unquote(segment, errors="strict")


def _is_label(word: str) -> bool:
    return word.startswith("{")
