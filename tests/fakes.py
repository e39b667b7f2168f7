"""Principals for tests, and verifiers that ask nobody and read no token; never shipped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backend.domain.auth import InvalidTokenError, Principal, VerifierUnavailableError


def principal(user_id: str, **known: Any) -> Principal:
    """Make the principal of a user, whose token ends when nobody tests any more.

    Args:
        user_id: The user's id.
        **known: What else is known of the user, in place of an address made up of the id.
    """
    far = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
    email = f"{user_id}@example.com"
    return Principal(**{"user_id": user_id, "email": email, "expires_at": far, **known})


class FakeTokenVerifier:
    """Knows its tokens by heart.

    Attributes:
        known: What each token stands for, or the error it fails with; any other one is invalid.
        asked: The tokens that were verified, in order.
    """

    def __init__(self, known: Mapping[str, Principal | Exception] | None = None) -> None:
        self.known = dict(known or {})
        self.asked: list[str] = []

    async def verify(self, token: str, /) -> Principal:
        """Return what the token stands for, or fail as it is to fail."""
        self.asked.append(token)
        outcome = self.known.get(token, InvalidTokenError("not one of the tokens of this test"))
        if isinstance(outcome, Principal):
            return outcome
        raise outcome


class UnreachableTokenVerifier(FakeTokenVerifier):
    """Never can tell."""

    async def verify(self, token: str, /) -> Principal:
        """Fail as an issuer's outage does."""
        raise VerifierUnavailableError("the issuer is down", retry_after=1.5)
