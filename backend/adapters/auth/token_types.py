"""Chooses the verifier of a token by its type, so that tokens of two kinds are never mixed.

The type is read before the signature is verified. This order is safe: the chosen verifier accepts
tokens of its own type only, and checks the type again.
"""

import functools
from collections.abc import Coroutine
from typing import Any, Final

from backend.adapters.auth.jose.jws import decode_object
from backend.adapters.auth.pyjwt import JwtTokenVerifier, media_subtype
from backend.domain.auth import MalformedTokenError, Principal

# With `AUTH_RESOURCE`, OAuth access tokens and other JWTs have separate rules. Each set has the
# values of `typ` for one kind.
PLAIN_JWT_TYPES: Final = frozenset({"jwt"})  # RFC 7519, section 5.1
OAUTH_TOKEN_TYPES: Final = frozenset({"at+jwt"})  # RFC 9068, section 2.1

_CACHE_SIZE: Final = 256
_HEADER_MAX_LENGTH: Final = 1024


class TypedTokenVerifier:
    """Verifies OAuth access tokens and other JWTs, each by their own rules.

    Args:
        verifier: Verifies every token that is not an OAuth access token.
        access_tokens: Verifies OAuth access tokens, whose `typ` is `at+jwt`.
    """

    def __init__(self, verifier: JwtTokenVerifier, *, access_tokens: JwtTokenVerifier) -> None:
        self._verifier = verifier
        self._access_tokens = access_tokens

    def verify(self, token: str, /) -> Coroutine[Any, Any, Principal]:
        """Verify a bearer token by the rules of its type; see `JwtTokenVerifier.verify`."""
        if is_access_token(token.partition(".")[0]):
            return self._access_tokens.verify(token)
        return self._verifier.verify(token)


def is_access_token(header: str) -> bool:
    """Return whether the type of a token is that of OAuth access tokens.

    Args:
        header: The encoded header. Untrusted. A malformed header has no type.
    """
    return len(header) <= _HEADER_MAX_LENGTH and _type_of(header) in OAUTH_TOKEN_TYPES


@functools.lru_cache(_CACHE_SIZE)
def _type_of(segment: str) -> str:
    try:
        return media_subtype(decode_object(segment.encode("ascii")).get("typ"))
    except (MalformedTokenError, UnicodeEncodeError):
        return ""
