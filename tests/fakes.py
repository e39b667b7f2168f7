"""A verifier for tests, which asks nobody and reads no token; never shipped."""

from collections.abc import Mapping

from backend.domain.auth import InvalidTokenError, Principal, VerifierUnavailableError


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
