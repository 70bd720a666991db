"""Read the files that seed an environment, with the line of every mistake. Pure but for reading the one file.

`airflow_settings` and `aws_fixtures` say what such a file holds; here is what they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from decimal import Decimal
from pathlib import Path
from typing import Any

from mwaa_local.environment.file import EnvironmentFile, invalid
from mwaa_local.environment.service_model import KeyPath, Violation, unknown_name
from mwaa_local.errors import EnvironmentFileInvalid, SeedProblem, SettingsFileInvalid
from mwaa_local.remarks import WARNING, Remark

# What YAML 1.1 takes for booleans and YAML 1.2, which most other tools read, for words.
WORDS = frozenset({"yes", "no", "on", "off", "y", "n"})


class SeedFile:
    """One file being read: its data, and what was found wrong or odd on the way.

    Values never appear in a message: any of them may be secret.
    """

    def __init__(self, file: EnvironmentFile) -> None:
        self.file = file
        self.violations: list[Violation] = []
        self.oddities: list[SeedProblem] = []

    @classmethod
    def read(cls, path: Path) -> SeedFile | None:
        """Return the file, or None when there is none. Raises SettingsFileInvalid when it cannot be read at all."""
        try:
            file = EnvironmentFile.read(path)
        except EnvironmentFileInvalid as error:
            raise _refusal(path, error) from error
        return None if file is None else cls(file)

    def raise_for_violations(self) -> None:
        """Raise SettingsFileInvalid, listing every problem at once with its line, if there is any."""
        problems = self.file.problems_with(self.violations)
        if problems:
            raise _refusal(self.file.path, invalid(self.file.path, problems))

    def violate(self, path: KeyPath, rule: str, fix: str) -> None:
        self.violations.append(Violation(path, rule, fix))

    def remark(self, path: KeyPath, what: str, hint: str = "") -> None:
        """Note what is worth a look although the file can be used."""
        self.oddities.append(SeedProblem(self.file.path, self.file.line(path), what, "", hint))

    def mapping(self, path: KeyPath, value: Any, names: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return the value as a mapping, empty where it is none. Other names than these are wrong, if any are given."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.violate(path, "must be a mapping of names to values", "write each entry as `name: value`")
            return {}
        for name in [name for name in value if names and name not in names]:
            self.violations.append(unknown_name((*path, name), names, "is not a name that is known here"))
        return value

    def entries(self, path: KeyPath, value: Any, names: Sequence[str]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
        """Yield each entry of a list of mappings with its path; an empty template entry is an entry too."""
        if value is None:
            return
        if not isinstance(value, list):
            self.violate(path, "must be a list", f"write each entry with a dash in front: `- {names[0]}: …`")
            return
        for index, item in enumerate(value):
            yield (*path, index), self.mapping((*path, index), item, names)

    def text(self, path: KeyPath, value: Any) -> str:
        """Return a value as text, as the astro CLI does: `true` is "1", `2.10` is "2.1"; "" for one that is not given.

        Where that is not what the file shows, a remark says so.
        Source: astro-cli, `settings/types.go` (fields of type string, read by viper with weak typing).
        """
        if isinstance(value, (list, Mapping)):
            self.violate(path, "must be text", 'put JSON in quotes: \'{"key": "value"}\'')
            return ""
        if value is None or isinstance(value, str):
            return value or ""
        written = self.file.written.get(path, "")
        text = _weak_text(value, written)
        if text != written:
            self.remark(path, f"{_name(path)} becomes {text!r} without quotes", "put the value in quotes to keep it")
        return text

    def number(self, path: KeyPath, value: Any, low: int, high: int) -> int | None:
        """Return a whole number within the limits; None for one that is not given or is none."""
        if value is None or value == "":
            return None
        digits = str(value).removeprefix("-")
        if isinstance(value, bool) or not (digits.isascii() and digits.isdecimal()):
            self.violate(path, "must be a whole number", f"give {_name(path)} a number from {low} to {high}")
            return None
        if not low <= int(value) <= high:
            self.violate(path, f"must be from {low} to {high}", f"give {_name(path)} a number from {low} to {high}")
            return None
        return int(value)

    def once(self, path: KeyPath, name: str, seen: dict[str, int], kind: str) -> None:
        """Record that a name is used; using it twice breaks a rule."""
        line = self.file.line(path)
        if name in seen:
            self.violate(path, f"the {kind} {name} is given twice; first on line {seen[name]}", "keep one of them")
        seen.setdefault(name, line)


def _refusal(path: Path, error: EnvironmentFileInvalid) -> SettingsFileInvalid:
    refused = SettingsFileInvalid(error.what, error.why, error.hint)
    whole = SeedProblem(path, 0, error.what, error.why, error.hint)
    refused.problems = tuple(SeedProblem(path, line, what, "", fix) for line, what, fix in error.problems) or (whole,)
    return refused


def remarks_on(oddities: Iterable[SeedProblem], place: str) -> tuple[Remark, ...]:
    """Return oddities as remarks; those that are on no line of a file are on the `place`."""
    return tuple(
        Remark(WARNING, item.path.name, f"{_place(item)}: {item.what}", item.why, item.hint)
        if item.line
        else Remark(WARNING, place, item.what, item.why, item.hint)
        for item in oddities
    )


def combine(place: str, errors: Sequence[SettingsFileInvalid]) -> SettingsFileInvalid:
    """Return one error with the problems of all."""
    if len(errors) == 1:
        return errors[0]
    problems = tuple(problem for error in errors for problem in error.problems)
    whole = [error for error in errors if error.problems[0].line == 0]
    why = [f"{error.what}: {error.why}" if error in whole else error.why for error in errors]
    error = SettingsFileInvalid(
        f"{place} has {len(problems)} problems",
        "\n".join(why),
        "\n".join(f"{_place(problem)}: {problem.hint}" for problem in problems),
    )
    error.problems = problems
    return error


def counts(kinds: Iterable[tuple[str, Sized]]) -> str:
    """Return how many there are of each kind of which there are any: `1 bucket, 2 objects`."""
    return ", ".join(f"{len(found)} {kind}{'' if len(found) == 1 else 's'}" for kind, found in kinds if found)


def _place(problem: SeedProblem) -> str:
    return f"{problem.path.name}:{problem.line}" if problem.line else problem.path.name


def _name(path: KeyPath) -> str:
    return str(path[-1])


def _weak_text(value: Any, written: str) -> str:
    if written.lower() in WORDS:
        return written
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return written if ":" in written else str(value)  # 12:30 is a number to base 60 in YAML 1.1 alone
    number = Decimal(repr(value))
    if not number.is_finite() or ":" in written:
        return written
    whole, dot, digits = format(number, "f").partition(".")
    return f"{whole}{dot}{digits}".rstrip("0").rstrip(".") if dot else whole
