"""MWAA's own description of its API, as botocore bundles it, and whether a value fits a shape of it.

Every limit, pattern and member name comes from that description, so a newer botocore brings newer rules by itself.
Not for MWAA's rules that the description does not hold (`environment` has those), and not for HTTP.
"""

from __future__ import annotations

import difflib
import functools
import gzip
import importlib.util
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

SERVICE = "mwaa"
SHOWN_CHARACTERS = 60  # of a value in a message
LISTED_NAMES = 25  # a message that has to name more members than these names none
# Categories such as \p{L}, which Python's `re` lacks, become private-use characters, one per two-letter category.
_CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn"
_FIRST_PRIVATE_USE = 0xE000

KeyPath = tuple[str | int, ...]  # the way to a value: member names and list indexes


@dataclass(frozen=True)
class Violation:
    """One value that breaks one rule. `rule` says what must hold and what was found; `fix` is an edit.

    `about_key`: it is the key of the entry at `path` that breaks the rule, not its value.
    `fix_is_exact`: the fix fits this value or key, and no general one for such entries is better.
    """

    path: KeyPath
    rule: str
    fix: str
    about_key: bool = False
    fix_is_exact: bool = False


@dataclass(frozen=True)
class ServiceModel:
    """The shapes and operations of the service, by name, in the form of botocore's `service-2.json`."""

    shapes: Mapping[str, Mapping[str, Any]]
    operations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    @functools.cache
    def load(cls) -> ServiceModel:
        """Return MWAA's model. Reads one file of the installed botocore; later calls cost nothing."""
        model = _read_model()
        return cls(model["shapes"], model["operations"])

    def members(self, shape_name: str) -> Mapping[str, str]:
        """Return the shape name of each member of a structure."""
        return {name: str(member["shape"]) for name, member in self.shapes[shape_name]["members"].items()}

    def without_output_only(self, value: Any, input_shape: str, output_shape: str) -> tuple[Any, list[str]]:
        """Return `value` without the members that only the output shape has, and the dotted names of those.

        So that what MWAA answers can be given back to it: `{"Arn": ..., "Name": "a"}` -> `({"Name": "a"}, ["Arn"])`.
        """
        if not isinstance(value, Mapping) or "members" not in self.shapes[input_shape]:
            return value, []
        taken, given = self.members(input_shape), self.members(output_shape)
        kept, ignored = {}, [name for name in value if name in given and name not in taken]
        for name, member in value.items():
            if name in taken and name in given:
                kept[name], inner = self.without_output_only(member, taken[name], given[name])
                ignored += [f"{name}.{inner_name}" for inner_name in inner]
            elif name not in ignored:
                kept[name] = member
        return kept, ignored


@dataclass(frozen=True)
class Check:
    """Whether values fit shapes of the model.

    `written` has the text of scalars as the user wrote them, for messages: `2.10` reads as the number 2.1.
    """

    model: ServiceModel
    written: Mapping[KeyPath, str] = field(default_factory=dict)

    def violations(self, shape_name: str, value: Any, path: KeyPath, *, secret: bool = False) -> Iterator[Violation]:
        """Yield each rule that `value` breaks, nested ones too. A type that this code does not know is let through.

        Values of shapes marked sensitive, and all inside them, are never part of a message.
        """
        shape = self.model.shapes[shape_name]
        secret = secret or bool(shape.get("sensitive"))
        kind = _KINDS.get(shape["type"])
        if kind is None or shape.get("document"):  # any JSON
            return
        if not kind.accepts(value):
            yield self._wrong_type(kind, value, path, secret)
            return
        yield from self._value_rules(shape, value, path, secret)
        if shape["type"] == "structure":
            yield from self._structure(shape_name, value, path, secret)
        elif shape["type"] == "list":
            for index, item in enumerate(value):
                yield from self.violations(shape["member"]["shape"], item, (*path, index), secret=secret)
        elif shape["type"] == "map":
            for key, item in value.items():
                for found in self.violations(shape["key"]["shape"], key, (*path, key), secret=secret):
                    yield replace(found, rule=f"the key {found.rule}", about_key=True)
                yield from self.violations(shape["value"]["shape"], item, (*path, key), secret=secret)

    def _structure(self, shape_name: str, value: Mapping[str, Any], path: KeyPath, secret: bool) -> Iterator[Violation]:
        members = self.model.members(shape_name)
        for name in self.model.shapes[shape_name].get("required", ()):
            if name not in value:
                yield Violation(path, f"must have {name}", f"add {name} to {dotted(path)}")
        for name, item in value.items():
            if name in members:
                yield from self.violations(members[name], item, (*path, name), secret=secret)
            else:
                yield unknown_name((*path, name), members, f"{dotted(path)} has no member of that name")

    def _wrong_type(self, kind: _Kind, value: Any, path: KeyPath, secret: bool) -> Violation:
        text = self.written.get(path)
        place = f"{dotted(path)}:"
        if value is None:
            fix = f"give {dotted(path)} a value, or remove the line"
            return Violation(path, f"must be {kind.words}, but has no value", fix)
        if secret or isinstance(value, (list, Mapping)):
            found, fix = _type_words(value), f"write {kind.words} after {place}"
        elif kind.name == "string":
            found = f"{text or value}, which YAML reads as {_type_words(value)}"
            fix = f'put it in quotes: {place} "{text or value}"'
        else:
            found, fix = shown(value), f"write {place} followed by {kind.words}"
            if isinstance(value, str) and kind.reads(value):
                found, fix = (
                    f"the text {shown(value)}",
                    f"take the quotes away: {place} {value.lower().lstrip('0') or 0}",
                )
        return Violation(path, f"must be {kind.words}, not {found}", fix)

    def _value_rules(self, shape: Mapping[str, Any], value: Any, path: KeyPath, secret: bool) -> Iterator[Violation]:
        found = "" if secret else f", not {shown(value)}"
        if "enum" in shape and value not in shape["enum"]:
            allowed = ", ".join(shape["enum"])
            yield Violation(
                path, f"must be one of {allowed}{found}", f"write {path[-1]}: {_nearest(value, shape['enum'])}"
            )
            return
        if not isinstance(value, bool):
            yield from self._size_rules(shape, value, path, secret)
        # What is too long is not matched: some patterns take the square of the length.
        is_text = isinstance(value, str) and 0 < len(value) <= shape.get("max", len(value))
        if is_text and "pattern" in shape and not matches(shape["pattern"], value):
            yield Violation(path, f"must match {shape['pattern']}{found}", f"correct {dotted(path)} to fit the pattern")

    def _size_rules(self, shape: Mapping[str, Any], value: Any, path: KeyPath, secret: bool) -> Iterator[Violation]:
        number = _is_number(value)
        size = value if number else len(value)
        found = "" if secret and number else f", not {size}"
        limits = (("min", "at least", size < shape.get("min", size)), ("max", "at most", size > shape.get("max", size)))
        for name, words, broken in limits:
            if broken:
                limit = f"{words} {shape[name]}" + ("" if number else f" {_unit(shape['type'], shape[name])}")
                verb = "be" if number else "have"
                fix = f"give {dotted(path)} {limit}"
                yield Violation(path, f"must {verb} {limit}{found}", fix, fix_is_exact=True)


def unknown_name(path: KeyPath, candidates: Iterable[str], rule: str) -> Violation:
    """Return the violation for a member name that does not exist, with the likeliest right one as the fix."""
    key = str(path[-1])
    meant = closest_name(key, candidates)
    if meant:
        return Violation(path, rule, f"write {meant} instead of {dotted((key,))}")
    known = sorted(candidates)
    others = f"; known here: {', '.join(known)}" if len(known) <= LISTED_NAMES else ""
    return Violation(path, rule, f"remove {dotted((key,))}{others}")


def closest_name(name: str, candidates: Iterable[str]) -> str:
    """Return the candidate that `name` misspells, or "". `min_workers`, `minWorkers`, `MinWorker` mean `MinWorkers`."""
    plain = {plain_name(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(plain_name(name), plain, n=1, cutoff=0.75)
    return plain[found[0]] if found else ""


def plain_name(name: str) -> str:
    """Return a name without case, underscores, hyphens and blanks, to compare spellings."""
    return re.sub(r"[\s_-]", "", name).lower()


def dotted(path: KeyPath) -> str:
    """Return a path for people: `LoggingConfiguration.TaskLogs`, `NetworkConfiguration.SubnetIds[1]`.

    A key that cannot be a name is cut at its first `=`, `:` or blank: it may be `name=secret` with the colon forgotten.
    """
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            name = re.split(r"[=:\s]", step, maxsplit=1)[0]
            words += ("." if words else "") + (name if name == step else f"{name}…")
    return words


def shown(value: Any) -> str:
    """Return a value as a message shows it, on one line and not too long. Never for secrets."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def matches(pattern: str, text: str) -> bool:
    """Return whether `text` as a whole matches a pattern of the model. A pattern that Python cannot read matches all.

    The service's patterns carry no anchors and mean the whole value: hence `.*(MON|TUE).*` where a part will do.
    """
    compiled = _compile(pattern)
    if compiled is None:
        return True
    return compiled.fullmatch(_categorized(text) if r"\p{" in pattern else text) is not None


@functools.cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(re.sub(r"\[(?:\\.|[^\]\\])*\]", _translate_class, pattern), re.ASCII)
    except re.error:
        return None


def _translate_class(character_class: re.Match[str]) -> str:
    return re.sub(r"\\p\{(\w+)\}", lambda match: _category_members(match[1]), character_class[0])


def _category_members(category: str) -> str:
    """Return what stands for `\\p{category}` inside a character class: its ASCII characters and its marks."""
    plain = [re.escape(chr(code)) for code in range(128) if unicodedata.category(chr(code)).startswith(category)]
    return "".join([*plain, *(_mark(name) for name in _CATEGORIES.split() if name.startswith(category))])


def _categorized(text: str) -> str:
    return "".join(char if char.isascii() else _mark(unicodedata.category(char)) for char in text)


def _mark(category: str) -> str:
    return chr(_FIRST_PRIVATE_USE + _CATEGORIES.index(category))


def _nearest(value: str, allowed: Sequence[str]) -> str:
    longer = [item for item in allowed if value and item.lower().startswith(value.lower())]  # WARN for WARNING
    return longer[0] if len(longer) == 1 else closest_name(value, allowed) or " or ".join(allowed)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _reads_whole_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,18}", text) is not None


def _reads_boolean(text: str) -> bool:
    return text.lower() in ("true", "false")


@dataclass(frozen=True)
class _Kind:
    """A type of the model: how to say it, which Python values are of it, which texts would be without their quotes."""

    name: str
    words: str
    accepts: Callable[[Any], bool]
    reads: Callable[[str], bool] = lambda text: False


_KINDS = {
    kind.name: kind
    for kind in (
        _Kind("string", "text", lambda value: isinstance(value, str)),
        _Kind("boolean", "true or false", lambda value: isinstance(value, bool), _reads_boolean),
        _Kind("integer", "a whole number", lambda v: _is_number(v) and isinstance(v, int), _reads_whole_number),
        _Kind("long", "a whole number", lambda v: _is_number(v) and isinstance(v, int), _reads_whole_number),
        _Kind("float", "a number", _is_number, _reads_whole_number),
        _Kind("double", "a number", _is_number, _reads_whole_number),
        _Kind("list", "a list", lambda value: isinstance(value, list)),
        _Kind("map", "a mapping of names to values", lambda value: isinstance(value, Mapping)),
        _Kind("structure", "a mapping of names to values", lambda value: isinstance(value, Mapping)),
    )
}


def _unit(kind: str, count: int) -> str:
    if kind == "string":
        return "character" if count == 1 else "characters"
    return "entry" if count == 1 else "entries"


def _type_words(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if _is_number(value):
        return f"the number {value}"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def _read_model() -> dict[str, Any]:
    """Return the newest `service-2.json` of MWAA that botocore bundles.

    Read as a file: `import botocore.loaders` brings in urllib3 and takes ten times as long as reading does. The
    loader stays the way for a botocore that keeps its data elsewhere.
    """
    spec = importlib.util.find_spec("botocore")
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder, "data", SERVICE).glob("*/service-2.json*"), reverse=True):
            content = path.read_bytes()
            model: dict[str, Any] = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
            return model
    from botocore.loaders import Loader

    found: dict[str, Any] = Loader().load_service_model(SERVICE, "service-2")
    return found
