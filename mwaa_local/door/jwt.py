"""The tokens of Airflow 3's API server: JSON Web Tokens (RFC 7519) signed with the environment's `api_auth.jwt_secret`.

Standard library only, as all here; Airflow makes its own by PyJWT with the same algorithm and claims.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

ALGORITHM = "HS256"  # api_auth.jwt_algorithm, which MWAA forces
AUDIENCE = "apache-airflow"  # Airflow's own default of api_auth.jwt_audience, as far as `aud` is asked for
KEY_ID = "mwaa-local"  # Airflow wants one, and with a secret looks at none
MAX_CHARACTERS = 8192


def mint(secret: str, subject: str, lifetime_s: int, now: float | None = None) -> str:
    """Return a token of the user with that id."""
    begin = int(time.time() if now is None else now)
    claims = {
        "jti": uuid.uuid4().hex,
        "sub": subject,
        "aud": AUDIENCE,
        "iat": begin,
        "nbf": begin,
        "exp": begin + lifetime_s,
    }
    said = f"{_part({'alg': ALGORITHM, 'typ': 'JWT', 'kid': KEY_ID})}.{_part(claims)}"
    return f"{said}.{_signature(secret, said)}"


def is_valid(secret: str, token: str, now: float | None = None) -> bool:
    """Say whether this environment signed the token and it has not expired. Airflow looks at the rest."""
    said, _, signature = token.rpartition(".")
    if len(token) > MAX_CHARACTERS or not token.isascii():
        return False
    if not hmac.compare_digest(signature, _signature(secret, said)):
        return False
    try:
        encoded = said.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        return float(claims["exp"]) > (time.time() if now is None else now)
    except (ValueError, TypeError, KeyError, IndexError):
        return False


def _part(plain: dict[str, object]) -> str:
    return _encoded(json.dumps(plain, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signature(secret: str, said: str) -> str:
    return _encoded(hmac.digest(secret.encode(), said.encode(), hashlib.sha256))
