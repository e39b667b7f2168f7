"""Revocation: tokens that are refused before they expire.

A `RevocationCheck` looks at every verified token, even if the token comes from a cache. The entries
are in a `RevocationStore`: an operator adds entries, and servers read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from backend.domain.auth import InactiveTokenError

# A server reads all entries every few seconds. To revoke more, replace the issuer's keys.
MAX_REVOCATIONS: Final = 10_000


class RevokedTokenError(InactiveTokenError):
    """The operator of this API has revoked the token, its session, or all tokens of its user."""

    reason = "revoked_token"


class TokenIds(NamedTuple):
    """The ids of a verified token.

    Attributes:
        user_id: The id of its user.
        issued_at: When the token was issued (`iat`), in seconds since the epoch; None if unknown.
        session_id: The session of the token (`sid`); None if unknown.
        token_id: The token's own id (`jti`; RFC 7519, section 4.1.7); None without an id.
    """

    user_id: str
    issued_at: float | None = None
    session_id: str | None = None
    token_id: str | None = None


class RevocationCheck(Protocol):
    """Port: finds out whether a token is revoked. Requests call `is_revoked` concurrently."""

    async def is_revoked(self, token: TokenIds, /) -> bool:
        """Return whether a token is revoked.

        Args:
            token: The ids of a token that is valid otherwise.

        Raises:
            VerifierUnavailableError: The check cannot decide now. The token is then not accepted,
                and the user is not logged out.
        """
        ...


class RevocationKind(StrEnum):
    """The kinds of entries."""

    USER = "user"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - the kind of an entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """An entry that revokes tokens.

    Attributes:
        kind: Whether the entry revokes tokens of a user, of a session (`sid`), or a single token
            (`jti`).
        value: The id of the user, the session or the token.
        issued_before: For a user: tokens that were issued before this time are revoked, in seconds
            since the epoch. None for the other kinds.
        expires_at: When no such token can be valid any longer, in seconds since the epoch.
    """

    kind: RevocationKind
    value: str
    issued_before: float | None = None
    expires_at: float


class TooManyRevocationsError(Exception):
    """There are as many entries as `MAX_REVOCATIONS`, so an entry was not added."""


class RevocationStore(Protocol):
    """Port: the entries that revoke tokens."""

    async def add(self, revocation: Revocation, /, *, now: float) -> None:
        """Add an entry, and delete entries that have expired.

        If there is already an entry of the same kind and value, the later times of the two entries
        count. So no call makes a revoked token valid again.

        Args:
            revocation: The entry.
            now: The time in seconds since the epoch.

        Raises:
            TooManyRevocationsError: There are too many entries already.
            RepositoryUnavailableError: The store cannot be reached, or refuses the entry.
        """
        ...

    async def list(self) -> Sequence[Revocation]:
        """Return all entries. Some may have expired.

        Raises:
            RepositoryUnavailableError: The store cannot be reached, or not in time.
        """
        ...


class Revocations:
    """Entries, arranged to look up a token.

    Args:
        entries: The entries. Expired entries are left out.
        now: The time in seconds since the epoch.
    """

    def __init__(self, entries: Sequence[Revocation], *, now: float) -> None:
        self._users: dict[str, float | None] = {}
        self._sessions: set[str] = set()
        self._tokens: set[str] = set()
        for entry in entries:
            if entry.expires_at <= now:
                continue
            match entry.kind:
                case RevocationKind.USER:
                    self._users[entry.value] = entry.issued_before
                case RevocationKind.SESSION:
                    self._sessions.add(entry.value)
                case RevocationKind.TOKEN:
                    self._tokens.add(entry.value)

    def include(self, token: TokenIds) -> bool:
        """Return whether an entry revokes a token.

        A token whose time of issue is unknown counts as issued before every time. A token without
        `sid` or `jti` belongs to no entry of that kind.
        """
        if token.user_id in self._users:
            before = self._users[token.user_id]
            if before is None or token.issued_at is None or token.issued_at < before:
                return True
        return token.session_id in self._sessions or token.token_id in self._tokens
