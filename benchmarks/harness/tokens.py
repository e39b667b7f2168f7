"""Tokens with the claims of Better Auth: the whole user row, dates as ISO strings."""

import time
from typing import Any

from backend.testing.encoding import drop_absent
from backend.testing.signers import Signer, secret_signer, signer
from backend.testing.tokens import sign_token

ORIGIN = "https://app.example.com"
SECRET = "the secret of the benchmarks, not used anywhere else"
LIFETIME = 3600 * 6  # seconds

_KID = "4fJ0uTXkYpVbW2mDq8sNcR6LhA1eZg3o"


def signer_for(algorithm: str) -> Signer:
    if algorithm == "HS256":
        return secret_signer(SECRET.encode())
    return signer(algorithm, kid=f"{_KID[: -len(algorithm)]}{algorithm}")


def user_claims(number: int, **changes: Any) -> dict[str, Any]:
    """Return the claims of a user's token."""
    now = int(time.time())
    claims = {
        "iat": now,
        "name": f"Ada Lovelace {number}",
        "email": f"ada.lovelace.{number}@example.com",
        "emailVerified": True,
        "image": None,
        "createdAt": "2026-03-14T09:26:53.589Z",
        "updatedAt": "2026-03-14T09:26:53.589Z",
        "id": f"kS3vT9yLqX2bWmZ8cRfN{number:012d}",
        "sub": f"kS3vT9yLqX2bWmZ8cRfN{number:012d}",
        "exp": now + LIFETIME,
        "iss": ORIGIN,
        "aud": ORIGIN,
    }
    return drop_absent({**claims, **changes})


def make_tokens(algorithm: str, count: int, **changes: Any) -> list[str]:
    """Sign a token for each of `count` users."""
    key = signer_for(algorithm)
    return [sign_token(key, user_claims(number, **changes)) for number in range(count)]


def tamper(token: str) -> str:
    """Change a character of the signature that keeps the size of both ECDSA numbers."""
    signing_input, _, signature = token.rpartition(".")
    index = len(signature) * 3 // 4
    changed = "A" if signature[index] != "A" else "B"
    return f"{signing_input}.{signature[:index]}{changed}{signature[index + 1 :]}"
