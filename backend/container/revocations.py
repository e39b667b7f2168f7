"""Makes the parts that refuse revoked tokens and that revoke tokens."""

from collections.abc import Callable
from typing import Final

from backend.adapters.persistence.database import Database
from backend.adapters.persistence.revocations import CachedRevocationCheck
from backend.domain.auth import VerifierUnavailableError
from backend.domain.revocation import (
    Revocation,
    RevocationCheck,
    RevocationKind,
    RevocationStore,
    TokenIds,
)
from backend.settings import Complaint, ConfigurationError, Settings
from backend.settings.values import RevocationStorage

_READ: Final = (
    "Apply the migrations, and let the role of DATABASE_URL read the table revocations: see"
    " docs/scaling.md."
)


def make_check(
    settings: Settings, store: Callable[[], RevocationStore], clock: Callable[[], float]
) -> CachedRevocationCheck | None:
    """Make the check of revoked tokens; None if `AUTH_REVOCATION` is off.

    Args:
        settings: Whether tokens can be revoked, and how old an answer may be.
        store: Returns the store of the entries; called only if tokens can be revoked.
        clock: Returns the time in seconds since the epoch.
    """
    if settings.auth_revocation is RevocationStorage.OFF:
        return None
    return CachedRevocationCheck(store(), max_age=settings.auth_revocation_max_age, clock=clock)


async def check_readable(database: Database, check: RevocationCheck | None) -> None:
    """Check that a server can read the revocations, if tokens can be revoked.

    Raises:
        ConfigurationError: The server cannot read the revocations.
    """
    if check is None:
        return
    try:
        async with database:
            await check.is_revoked(TokenIds(""))
    except VerifierUnavailableError as error:
        raise ConfigurationError([Complaint("AUTH_REVOCATION", str(error), _READ)]) from None


async def revoke(  # noqa: PLR0913 - the parts of the container
    settings: Settings,
    database: Database,
    store: RevocationStore,
    clock: Callable[[], float],
    *,
    kind: RevocationKind,
    value: str,
    issued_before: float | None = None,
) -> Revocation:
    """Revoke tokens.

    Args:
        settings: The leeway and the lifetime of tokens, as the servers have them.
        database: The database, not open yet.
        store: The store in that database.
        clock: Returns the time in seconds since the epoch.
        kind: The kind of the entry.
        value: The id of the user, of the session or of the token.
        issued_before: For a user: the time before which the revoked tokens were issued, in seconds
            since the epoch. By default, every token that exists now is revoked, even if the
            issuer's clock is ahead by the leeway.

    Returns:
        The entry that was added.

    Raises:
        ValueError: The time is in the future, so tokens that do not exist yet would be revoked.
        TooManyRevocationsError: There are too many entries already.
        RepositoryUnavailableError: The database cannot be reached, or refuses the entry.
    """
    now = clock()
    latest = now + settings.auth_leeway  # no token that exists now was issued after this time
    if issued_before is not None and issued_before > latest:
        raise ValueError("the time is in the future")
    if kind is RevocationKind.USER and issued_before is None:
        issued_before = latest
    # A token is accepted until its expiry and the leeway have passed.
    lifetime = (settings.auth_max_lifetime or 0) + settings.auth_leeway
    revocation = Revocation(
        kind=kind, value=value, issued_before=issued_before, expires_at=latest + lifetime
    )
    async with database:
        await store.add(revocation, now=now)
    return revocation
