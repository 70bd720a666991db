"""Which texts are secrets, judged by their form and their name. Placeholders and references are not."""

from __future__ import annotations

import re

_KINDS = (
    (re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"), "an AWS access key"),
    (re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*(?:\\n)?[A-Za-z0-9+/]{20}"), "a private key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}"), "a token of GitHub"),
    (re.compile(r"\bglpat-[\w-]{20}"), "a token of GitLab"),
    (re.compile(r"\bxox[abprs]-\d+-[\w-]{10}"), "a token of Slack"),
    (re.compile(r"https://hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20}"), "a webhook of Slack"),
    (re.compile(r"\beyJ[\w-]{10,500}\.eyJ[\w-]{10,5000}\.[\w-]{10,}"), "a JSON web token"),
    (re.compile(r"\bsk_live_[A-Za-z0-9]{16}"), "a key of Stripe"),
)
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@?#]*:(?P<password>[^\s/@]+)@(?P<host>[^\s/@]*)", re.IGNORECASE
)
_OWN_MACHINE = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?![\w.-])")
_PASSWORDS = r"password|passwd|pwd|passphrase"
_WORD_FOR_ONE = re.compile(rf"(?:my_?)?(?:{_PASSWORDS}|pass|secret|token)", re.IGNORECASE)
_SECRET_NAME = re.compile(
    rf"(?:^|_)(?:{_PASSWORDS}|secret|token|credentials?|(?:api|secret|access|private|auth|encryption|fernet|account)_?key)$"
)
_PASSWORD_NAME = re.compile(rf"(?:{_PASSWORDS})$")
# A name that says it is of something else: `next_token`, `xcom_token`.
_HARMLESS_NAME = re.compile(
    r"(?:^|_)(?:next|page|pagination|continuation|csrf|idempotency|client_request|sentinel)_token$"
)
_PLACEHOLDER = re.compile(
    r"\W*|x{3,}|\*+|\.{3}|none|null|true|false|.*(?:change.?me|placeholder|example|dummy|redacted|your.|replace|todo|"
    r"insert|fixme|<.*>|\$\{?\w|\{\w*\}|\{\{|%\(|%s|xxx|\*\*\*|…).*",
    re.IGNORECASE | re.DOTALL,
)
# What names a secret rather than being one: an ARN, a path, an address, a variable, a function.
_REFERENCE = re.compile(
    r"arn:.*|[a-z][a-z0-9+]*://.*|[./~].*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[\w.-]+\.(?:json|pem|key|txt|ya?ml|p12|pub|env)"
)
# Words joined, as names are. With a digit in it, it may as well be a secret.
_NAME_OF_ONE = re.compile(r"_?[A-Za-z]+(?:[-_/.][A-Za-z]+)*|[a-z_][a-z0-9_]*(?:\.[A-Za-z_]\w*)+")
MIN_SECRET_CHARACTERS = 4  # shorter texts are flags and the like


def known_kind(text: str) -> str:
    """Return the kind of secret in the text, judged by form alone; "" for none and for AWS's own examples."""
    for pattern, kind in _KINDS:
        match = pattern.search(text)
        if match and "EXAMPLE" not in match[0] and not _is_repeated(match[0]):
            return kind
    return ""


def has_password(text: str) -> bool:
    """Whether an address in the text contains a password; addresses of this machine do not count."""
    return any(
        not (_PLACEHOLDER.fullmatch(match["password"]) or _WORD_FOR_ONE.fullmatch(match["password"]))
        and not _OWN_MACHINE.match(match["host"])
        for match in _ADDRESS.finditer(text)
    )


def is_secret_name(name: str) -> bool:
    """Whether the name suggests a secret: `DB_PASSWORD`, `apiKey`; not `secret_name`, `token_url`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return bool(_SECRET_NAME.search(snake)) and not _HARMLESS_NAME.search(snake)


def is_secret_value(name: str, text: str) -> bool:
    """Whether the text can be the secret that the name suggests; in doubt not, except for passwords."""
    if len(text) < MIN_SECRET_CHARACTERS or any(item.isspace() for item in text.strip()):
        return False
    if _PLACEHOLDER.fullmatch(text) or _REFERENCE.fullmatch(text) or _is_repeated(text):
        return False
    if _PASSWORD_NAME.search(name.lower()):
        # `password="password"` and `PASSWORD = "db_password"`: a field's name, or a key to look it up by.
        return not (_NAME_OF_ONE.fullmatch(text) and re.search(_PASSWORDS, text.lower()))
    return not _NAME_OF_ONE.fullmatch(text)


def _is_repeated(text: str) -> bool:
    """Whether a text is made of one or two characters: nobody's secret, but a stand-in for one."""
    tail = text[-12:]
    return len(set(tail)) <= 2
