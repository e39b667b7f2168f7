"""The names of claims in settings."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from backend.settings.values import Words

_REFUSED_CLAIMS: Final = frozenset(
    {
        # Only tokens have these claims, so a session cookie could not give the same claim.
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "scope"),
        # The secret of the session, and the object with that secret.
        *("token", "session"),
    }
)
_MAX_CLAIMS: Final = 32
_CLAIM_MAX_LENGTH: Final = 128
_INVALID_ESCAPE: Final = re.compile(r"~(?![01])")  # RFC 6901, section 3


def _check_claim(value: str) -> str:
    if not (0 < len(value) <= _CLAIM_MAX_LENGTH and value.isprintable()):
        raise ValueError(f"a name must have 1 to {_CLAIM_MAX_LENGTH} printable characters")
    if value.startswith("/") and _INVALID_ESCAPE.search(value):
        raise ValueError("in a JSON Pointer, ~ must be written ~0")
    return value


def _check_top_level_claim(value: str) -> str:
    if value.startswith("/"):
        raise ValueError("this claim must be at the top of the token")
    return _check_claim(value)


def _check_claims(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > _MAX_CLAIMS:
        raise ValueError(f"more than {_MAX_CLAIMS} claims")
    if len(set(value)) < len(value):
        raise ValueError("a name is listed twice")
    if not all(0 < len(name) <= _CLAIM_MAX_LENGTH and name.isprintable() for name in value):
        raise ValueError(f"a name must have 1 to {_CLAIM_MAX_LENGTH} printable characters")
    if refused := [name for name in value if name.removeprefix("/") in _REFUSED_CLAIMS]:
        raise ValueError(f"these are never handed to the routes: {', '.join(refused)}")
    return value


ClaimName = Annotated[str, AfterValidator(_check_claim)]
TopLevelClaim = Annotated[str, AfterValidator(_check_top_level_claim)]
ClaimNames = Annotated[Words, AfterValidator(_check_claims)]
