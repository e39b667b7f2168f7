"""Chooses the verifier of a bearer token by its form: a JWT, or a session token.

A JWT has two dots, and a session token has at most one. The form is not trusted: each verifier
accepts tokens of its own form only.
"""

from collections.abc import Coroutine
from typing import Any, Final

from backend.domain.auth import Principal, TokenVerifier

_DOTS_OF_JWT: Final = 2


class BearerTokenVerifier:
    """Verifies JWTs and session tokens.

    Args:
        jwts: Verifies every token with two dots or more.
        session_tokens: Verifies all other tokens.

    Attributes:
        jwts: The same verifier, whose cache has a state.
    """

    def __init__(self, jwts: TokenVerifier, *, session_tokens: TokenVerifier) -> None:
        self.jwts: Final = jwts
        self._session_tokens = session_tokens

    def verify(self, token: str, /) -> Coroutine[Any, Any, Principal]:
        """Verify a bearer token.

        Args:
            token: The credential. Untrusted.

        Raises:
            AuthError: The token is not valid.
            VerifierUnavailableError: The verifier cannot decide now.
        """
        verifier = self.jwts if token.count(".") >= _DOTS_OF_JWT else self._session_tokens
        return verifier.verify(token)  # not `async def`: that would add a coroutine for each JWT
