"""A template, read: which resource needs which, in what order they are made, and what moto's parser would get wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

GET_ATT, SUB = "Fn::GetAtt", "Fn::Sub"
NAME_IN_SUB = re.compile(r"\$\{([^!$}{][^$}{]*)\}")


class TemplateInvalid(ValueError):
    """A template that no stack can be made of, in AWS's words."""


def check(body: Mapping[str, Any]) -> None:
    """Raise TemplateInvalid where something refers to what the template does not have."""
    known = {*body.get("Resources", {}), *(body.get("Parameters") or {})}
    for block in ("Resources", "Outputs"):
        unknown = {name for name in references(body.get(block) or {}) if name not in known and "::" not in name}
        if unknown:
            said = f"Unresolved resource dependencies [{', '.join(sorted(unknown))}] in the {block} block"
            raise TemplateInvalid(f"Template format error: {said} of the template")


def normalized(part: Any) -> Any:
    """Return a template whose attributes with dots moto understands.

    moto takes the second word of `Env.LoggingConfiguration.TaskLogs.CloudWatchLogGroupArn` for the whole attribute.
    """
    if isinstance(part, list):
        return [normalized(item) for item in part]
    if not isinstance(part, dict):
        return part
    if set(part) == {GET_ATT}:
        return {GET_ATT: _attribute(part[GET_ATT])}
    if set(part) == {SUB}:
        return {SUB: _substitution(part[SUB])}
    return {key: normalized(value) for key, value in part.items()}


def _attribute(value: Any) -> Any:
    parts = value.split(".", 1) if isinstance(value, str) else value
    if isinstance(parts, list) and len(parts) > 2 and all(isinstance(item, str) for item in parts):
        return [parts[0], ".".join(parts[1:])]
    return parts


def _substitution(value: Any) -> Any:
    text, names = (value[0], normalized(value[1])) if isinstance(value, list) else (value, {})
    if not isinstance(text, str):
        return value
    named = dict(names)
    for name in NAME_IN_SUB.findall(text):
        if name.count(".") > 1:
            stand_in = re.sub(r"\W", "0", name)
            named[stand_in] = {GET_ATT: name.split(".", 1)}
            text = text.replace("${" + name + "}", "${" + stand_in + "}")
    return [text, named] if named else text


def references(part: Any) -> Iterator[str]:
    """Yield each name that a part of a template refers to: resources, parameters, pseudo parameters."""
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        if key == "Ref" and isinstance(value, str):
            yield value
        elif key == GET_ATT:
            yield str(value[0]) if isinstance(value, list) else str(value).split(".")[0]
        elif key == SUB:
            text, own = value if isinstance(value, list) else (value, {})
            yield from (name.split(".")[0] for name in NAME_IN_SUB.findall(str(text)) if name not in own)
            yield from references(own)
        else:
            yield from references(value)


def needs(resources: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the resources that each resource needs, by reference or `DependsOn`."""
    found = {}
    for name, resource in resources.items():
        named = resource.get("DependsOn", ())
        wanted = {named} if isinstance(named, str) else set(named)
        wanted.update(references(resource.get("Properties", {})))
        found[name] = (wanted & set(resources)) - {name}
    return found


def in_order(wanted: Mapping[str, set[str]]) -> list[str]:
    """Return the names so that each comes after all that it needs. Raises TemplateInvalid."""
    ordered: list[str] = []
    left = dict(wanted)
    while left:
        ready = [name for name, others in left.items() if not others & set(left)]
        if not ready:
            raise TemplateInvalid(f"Circular dependency between resources: [{', '.join(sorted(left))}]")
        ordered += ready
        for name in ready:
            del left[name]
    return ordered
