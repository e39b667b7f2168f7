"""Principals and fake token verifiers for tests. They are not part of the application."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backend.domain.auth import InvalidTokenError, Principal, VerifierUnavailableError


def principal(user_id: str, **fields: Any) -> Principal:
    """Make the principal of a user, with a token that expires in the year 9999.

    Args:
        user_id: The user's id. The e-mail address is derived from it.
        **fields: Fields of the principal that differ from these defaults.
    """
    expires_at = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
    email = f"{user_id}@example.com"
    return Principal(**{"user_id": user_id, "email": email, "expires_at": expires_at, **fields})


class FakeTokenVerifier:
    """A token verifier with a fixed table of tokens. It parses nothing and calls no issuer.

    Attributes:
        known: The result of each token: a principal to return, or an error to raise. Every other
            token is invalid.
        asked: The tokens that were verified, in order.
    """

    def __init__(self, known: Mapping[str, Principal | Exception] | None = None) -> None:
        self.known = dict(known or {})
        self.asked: list[str] = []

    async def verify(self, token: str, /) -> Principal:
        """Return the principal of a known token, or raise the error that the table has for it."""
        self.asked.append(token)
        outcome = self.known.get(token, InvalidTokenError("a token that the test did not register"))
        if isinstance(outcome, Principal):
            return outcome
        raise outcome


class UnreachableTokenVerifier(FakeTokenVerifier):
    """A token verifier whose issuer is down."""

    async def verify(self, token: str, /) -> Principal:
        """Raise the error of an outage, for every token."""
        raise VerifierUnavailableError("the issuer is down", retry_after=1.5)
