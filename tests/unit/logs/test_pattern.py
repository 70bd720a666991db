"""Filter patterns: the examples of CloudWatch's guide, and what it refuses."""

from __future__ import annotations

import pytest

from mwaa_local.errors import PatternInvalid
from mwaa_local.logs.pattern import matcher

ERROR_400 = "[ERROR 400] BAD REQUEST"
UNAUTHORIZED = "[ERROR 401] UNAUTHORIZED REQUEST"
WARN_500 = "[WARN] 500 server error"
ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
JSON = '{"type": "Update", "on": true, "none": null, "n": 4.5, "tags": ["a", "bb"], "in": {"er": "x y"}, "s": "500"}'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", ERROR_400, True),
        ("ERROR", ERROR_400, True),
        ("error", ERROR_400, False),
        ("ERROR REQUEST", ERROR_400, True),
        ("ERROR UNAUTHORIZED", ERROR_400, False),
        ("?ERROR ?WARN", WARN_500, True),
        ("?ERROR ?FATAL", WARN_500, False),
        ("ERROR -UNAUTHORIZED", ERROR_400, True),
        ("ERROR -UNAUTHORIZED", UNAUTHORIZED, False),
        ("-ERROR", WARN_500, True),
        ("?WARN ERROR", WARN_500, False),  # optional words do not count beside others
        ('"BAD REQUEST"', ERROR_400, True),
        ('"REQUEST BAD"', ERROR_400, False),
        (r'"say \"a\""', 'they say "a" now', True),
        ('"[ERROR"', ERROR_400, True),
        ("%ERROR 4[0-9]{2}%", ERROR_400, True),
        ("-%ERROR 4[0-9]{2}%", ERROR_400, False),
        ("%^ERROR%", ERROR_400, False),
        # columns
        ("[ip, user, name, time, request, status, bytes]", ACCESS, True),
        ("[ip, user, name]", ACCESS, False),
        ("[ip, user, ...]", ACCESS, True),
        ("[..., status = 4*, bytes > 1000]", ACCESS, True),
        ("[..., status = 4*, bytes > 2000]", ACCESS, False),
        ('[ip, ..., request = "GET*", status, bytes]', ACCESS, True),
        ("[ip, ..., request != %HTTP%, status, bytes]", ACCESS, False),
        ("[..., status = 404 || status = 410, bytes]", ACCESS, True),
        ("[..., status >= 400 && status < 404, bytes]", ACCESS, False),
        ("[ip, user, name, time, request, status, bytes, more, ...]", ACCESS, False),
        # JSON
        ('{ $.type = "Update" }', JSON, True),
        ('{ $.type = "Up*" }', JSON, True),
        ('{ $.type != "Update" }', JSON, False),
        ("{ $.type = Update }", JSON, True),
        ("{ $.n > 4 && $.n <= 4.5 }", JSON, True),
        ("{ $.n = 4.5 }", JSON, True),
        ("{ $.s = 500 }", JSON, True),
        ("{ $.on IS TRUE }", JSON, True),
        ("{ $.on IS FALSE }", JSON, False),
        ("{ $.none IS NULL }", JSON, True),
        ("{ $.none NOT EXISTS }", JSON, False),
        ("{ $.gone not exists }", JSON, True),
        ('{ $.tags[1] = "bb" }', JSON, True),
        ('{ $.tags[*] = "a" }', JSON, True),
        ('{ $.tags[9] = "a" }', JSON, False),
        ('{ $.in.er = "x y" }', JSON, True),
        ("{ $['in'].er = %^x% }", JSON, True),
        ('{ ($.n = 1) || ($.type = "Update" && $.on IS TRUE) }', JSON, True),
        ('{ $.n = 1 || $.type = "Update" && $.on IS FALSE }', JSON, False),
        ('{ $.type = "Update" }', "no JSON", False),
        ('{ $.type = "Update" }', "[" * 100_000, False),
        ('{ $.type = "a?b" }', '{"type": "acb"}', False),
        ('{ $.type = "a?b" }', '{"type": "a?b"}', True),
        ("{ $.n = * }", JSON, True),
        ("{ $.on = * }", JSON, True),
        ("{ $.type = * }", JSON, True),
        ("{ $.gone = * }", JSON, False),
        ("{ $.['in'].er = * }", JSON, True),
        ("{ $.['a.b'] = c }", '{"a.b": "c"}', True),
        (r"%\d+\.\d+\.\d+\.\d+%", ACCESS, True),
        ("%a*a*a*a*a*a*a*a*b%", "a" * 60, False),  # at once
    ],
)
def test_messages_match_as_in_cloudwatch(pattern: str, message: str, expected: bool) -> None:
    assert matcher(pattern)(message) is expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a.b", "must be in double quotes"),
        ('"half', "without its other half"),
        ('ERROR "half', "without its other half"),
        ("%a(b)%", "do not allow"),
        ("%" + "a*b*" * 4 + "c%", "more than 6 times"),
        ("%[a%", "is no regular expression"),
        ("{ $.a = 1", "ends with }"),
        ("{ a = 1 }", "selector"),
        ("{ $.a }", "no operator"),
        ("{ $.a > x }", "no number"),
        ("{ $.a = 1 && }", "missing before the end"),
        ("{ ($.a = 1 }", "open to the end"),
        ("{ $.a = 1) }", "one too many"),
        ("{ }", "missing before the end"),
        ("[a, b", "ends with ]"),
        ("[..., a, ...]", "once"),
        ("[a = 1 || b = 1]", "several columns"),
        ("{ " + "(" * 60 + "$.a = 1" + ")" * 60 + " }", "deep"),
    ],
)
def test_patterns_that_cloudwatch_refuses_are_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(PatternInvalid) as caught:
        matcher(pattern)
    assert why in caught.value.why
