"""Refuses revoked tokens after their verification, even if they come from the cache.

No part of this module is used unless a `RevocationCheck` is configured.
"""

from typing import Final

from backend.adapters.auth.claims import Claims, ToPrincipal
from backend.domain.auth import (
    InvalidClaimError,
    MissingClaimError,
    Principal,
    TokenVerifier,
)
from backend.domain.revocation import RevocationCheck, RevokedTokenError, TokenIds


class IdentifiedPrincipal(Principal):
    """A principal with the ids of its token, so that a cache keeps both.

    Attributes:
        issued_at: When the token was issued, in seconds since the epoch; None if unknown.
        session_id: The session of the token; None if unknown.
        token_id: The id of the token; None without an id.
    """

    issued_at: float | None = None
    session_id: str | None = None
    token_id: str | None = None


def with_ids(to_principal: ToPrincipal, *, max_lifetime: float | None) -> ToPrincipal:
    """Extend a mapping of claims to principals: the principals remember the ids of their tokens.

    Args:
        to_principal: Maps verified claims and their expiry to a principal.
        max_lifetime: The longest lifetime of a credential in seconds; None for any. A credential
            must not outlive the entry that revokes it, so this also holds for session cookies.
    """

    def to_identified_principal(claims: Claims, expires_at: float) -> Principal:
        principal = IdentifiedPrincipal._make(to_principal(claims, expires_at))
        issued_at = claims.get("iat")
        if type(issued_at) in {int, float}:  # isinstance would accept a boolean
            principal.issued_at = issued_at
        if max_lifetime is not None:
            if principal.issued_at is None:
                raise MissingClaimError("iat")
            if expires_at - principal.issued_at > max_lifetime:
                raise InvalidClaimError("exp", "exceeds iat by more than the maximum lifetime")
        principal.session_id = _text(claims, "sid")
        principal.token_id = _text(claims, "jti")
        return principal

    return to_identified_principal


def _text(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None


class RevocationCheckedTokenVerifier:
    """Refuses tokens that are revoked.

    Args:
        verifier: Verifies the tokens, from a cache if possible.
        check: Finds out whether a token is revoked.

    Attributes:
        verifier: The same verifier, whose cache has a state.
    """

    def __init__(self, verifier: TokenVerifier, check: RevocationCheck) -> None:
        self.verifier: Final = verifier
        self._check = check

    async def verify(self, token: str, /) -> Principal:
        """Verify a token.

        Args:
            token: The credential. Untrusted.

        Raises:
            AuthError: The token is not valid. `RevokedTokenError` if it is revoked.
            VerifierUnavailableError: The verifier or the check cannot decide now.
        """
        principal = await self.verifier.verify(token)
        if await self._check.is_revoked(token_ids(principal)):
            raise RevokedTokenError("the token, its session or its user is revoked")
        return principal


def token_ids(principal: Principal) -> TokenIds:
    """Return the ids of the token of a principal."""
    if not isinstance(principal, IdentifiedPrincipal):  # the verifier knows no ids
        return TokenIds(principal.user_id)
    return TokenIds(
        principal.user_id, principal.issued_at, principal.session_id, principal.token_id
    )
