"""Principals, and a token verifier with a fixed table of tokens, both without keys."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from backend.domain.auth import InvalidTokenError, Principal
from backend.domain.read_only import ReadOnlyMapping

END: Final = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def principal(
    user_id: str = "user-1",
    *,
    roles: Iterable[str] = (),
    scopes: Iterable[str] = (),
    claims: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Principal:
    """Make the principal of a user, whose token expires in the year 9999.

    Args:
        user_id: The user's id. The e-mail address is derived from the id, and is not verified.
        roles: The roles of the user.
        scopes: The scopes of the token.
        claims: The claims that `AUTH_CLAIMS` chooses.
        **fields: Other fields of `Principal`, instead of the defaults.
    """
    defaults = {"email": f"{user_id}@example.com", "expires_at": END}
    return Principal(
        user_id=user_id,
        roles=frozenset(roles),
        scopes=frozenset(scopes),
        claims=ReadOnlyMapping(claims or {}),
        **{**defaults, **fields},
    )


class FakeTokenVerifier:
    """A token verifier with a fixed table of tokens. The verifier calls no issuer.

    Args:
        known: The result of each token: a principal to return, or an error to raise.
        otherwise: The result of every other token. By default, the token is invalid.

    Attributes:
        known: The table. A test may change it.
        otherwise: The result of every other token. A test may change it.
        asked: The tokens that were verified, in order.
    """

    def __init__(
        self,
        known: Mapping[str, Principal | Exception] | None = None,
        *,
        otherwise: Principal | Exception | None = None,
    ) -> None:
        self.known = dict(known or {})
        self.otherwise = otherwise or InvalidTokenError("a token that the test did not register")
        self.asked: list[str] = []

    async def verify(self, token: str, /) -> Principal:
        """Return the principal that the table has for a token, or raise its error."""
        self.asked.append(token)
        outcome = self.known.get(token, self.otherwise)
        if isinstance(outcome, Principal):
            return outcome
        raise outcome
