"""What a filter pattern asks of one value: `= "text*"`, `!= 4*`, `>= 400`, `= %regex%`. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fnmatch import translate

Comparison = Callable[[object], bool]
REGEX = r"%(?:[^%\\]|\\.)+%"
# What CloudWatch allows within a regular expression (user guide, "Supported regular expressions"): no groups.
REGEX_CHARACTERS = re.compile(r"(?:[\w:#=@/;,\-^$?\[\]{}|*+. ]|\\.)+", re.ASCII)
# Each repetition multiplies the time that a text may take by its length, for which nobody is to wait. Ours.
REPEATED = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\d*\})")
MOST_REPEATED = 6
SAME_REPEATED = re.compile(r"((?:\\.|\[[^\]\\]*\]|[\w.:#=@/;, \-])\*)\1+", re.ASCII)  # `a*a*` is `a*`
OPERATOR = re.compile(r"(!=|<=|>=|=|<|>)\s*(.+)", re.DOTALL)
ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparison(words: str) -> Comparison:
    """Return the test that an operator and its value stand for. Raises ValueError for what is neither."""
    found = OPERATOR.fullmatch(words.strip())
    if not found:
        raise ValueError(f"{words.strip() or 'nothing'} is no operator (= != < <= > >=) with a value")
    sign, value = found[1], found[2].strip()
    if sign in ORDERS:
        order, limit = ORDERS[sign], number(value)
        if limit is None:
            raise ValueError(f"{value} is compared by {sign} and is no number")
        return lambda given: (known := number(given)) is not None and order(known, limit)
    same = _same(value)
    return same if sign == "=" else lambda given: not same(given)


def _same(value: str) -> Comparison:
    if re.fullmatch(REGEX, value):
        search = regex(value)
        return lambda given: isinstance(given, str) and search(given) is not None
    if value == "*":  # that it is there at all
        return lambda given: given is not None
    wanted_number = None if value.startswith('"') else number(value)
    text = plain_text(value) if value.startswith('"') else value
    if re.search(r'[\s"&|()]', value) and not value.startswith('"'):
        raise ValueError(f"{value} must be in double quotes")
    literal = re.sub(r"([?\[])", r"[\1]", text)  # `*` alone stands for more
    fits = re.compile(translate(re.sub(r"\*+", "*", literal))).match

    def same(given: object) -> bool:
        if wanted_number is not None and number(given) == wanted_number:
            return True
        return isinstance(given, str) and fits(given) is not None

    return same


def number(value: object) -> float | None:
    """Return what is a number, or a text of one; None for the rest."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def plain_text(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)


def regex(text: str) -> Callable[[str], re.Match[str] | None]:
    """Return the search that `%…%` stands for. Raises ValueError for what CloudWatch does not take."""
    inner = text[1:-1]
    if not REGEX_CHARACTERS.fullmatch(inner):
        raise ValueError(f"{text} has characters that CloudWatch's regular expressions do not allow, such as ( or !")
    inner = SAME_REPEATED.sub(r"\1", inner)
    if len(REPEATED.findall(inner)) > MOST_REPEATED:
        raise ValueError(f"{text} repeats more than {MOST_REPEATED} times, which could take for ever")
    try:
        return re.compile(inner).search
    except re.error as error:
        raise ValueError(f"{text} is no regular expression: {error}") from None
