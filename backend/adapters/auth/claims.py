"""What the registered claims of a token must say (RFC 7519, section 4.1).

Strict where libraries are lax: a number is a JSON number, a list holds strings, and what merely
looks like the thing it ought to be is not that thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.domain.auth import (
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    MissingClaimError,
    UnsupportedTokenError,
)

Claims = Mapping[str, Any]

_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 1
_IDENTIFIER_MAX_LENGTH: Final = 255
_NUMBERS: Final = frozenset({int, float})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPolicy:
    """The rules for the claims of an access token.

    Attributes:
        issuers: The accepted values of `iss`; empty if none is known.
        audiences: The accepted values of `aud`; if empty, tokens that carry one are refused.
        leeway: Seconds by which clocks may differ.
        max_lifetime: Seconds that a token may live from `iat` to `exp`; None for any.
    """

    issuers: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    leeway: float = 10.0
    max_lifetime: float | None = None

    def check(self, claims: Claims, now: float) -> float:
        """Return when a token ends whose claims hold, in seconds since the epoch.

        Expiry is judged last, so that "expired" is said only of a token that is right in all else.

        Args:
            claims: The claims. Their signature holds.
            now: The time in seconds since the epoch.

        Raises:
            InvalidTokenError: A claim is missing, is not what it ought to be, or does not hold.
            ExpiredTokenError: All of them hold, but the token has ended.
        """
        self.check_subject(claims)
        self.check_issuer(claims)
        self.check_audience(claims)
        return self.check_times(claims, now)

    def check_subject(self, claims: Claims) -> None:
        """Check that the token names a user, and is good for whoever bears it."""
        if "cnf" in claims:
            raise UnsupportedTokenError("bound to a key (RFC 7800), so not a bearer token")
        subject = claims.get("sub")
        if subject is None:
            raise MissingClaimError("sub")  # so that no mailed link of Better Auth logs anyone in
        check_identifier("sub", subject)
        if not isinstance(claims.get("jti", ""), str):
            raise InvalidClaimError("jti is not a string")

    def check_issuer(self, claims: Claims) -> None:
        """Check who issued the token."""
        if not self.issuers:
            return
        issuer = claims.get("iss")
        if issuer is None:
            raise MissingClaimError("iss")
        if not isinstance(issuer, str) or issuer not in self.issuers:
            raise InvalidIssuerError("issued by someone else")

    def check_audience(self, claims: Claims) -> None:
        """Check for whom the token is meant."""
        if "aud" not in claims:
            if self.audiences:
                raise MissingClaimError("aud")
            return
        audience = claims["aud"]
        if isinstance(audience, str):
            meant = audience in self.audiences
        elif isinstance(audience, list) and set(map(type, audience)) == {str}:
            meant = not self.audiences.isdisjoint(audience)
        else:
            raise InvalidClaimError("aud is not a string or a list of strings")
        if not meant:
            raise InvalidAudienceError("meant for someone else")

    def check_times(self, claims: Claims, now: float) -> float:
        """Check that the token is valid now, and return when it ends."""
        expires = numeric_date(claims, "exp")
        if expires is None:
            raise MissingClaimError("exp")
        not_before, issued = numeric_date(claims, "nbf"), numeric_date(claims, "iat")
        if not_before is not None and not_before > now + self.leeway:
            raise ImmatureTokenError("nbf is in the future")
        if issued is not None and issued > now + self.leeway:
            raise ImmatureTokenError("iat is in the future")
        if self.max_lifetime is not None:
            if issued is None:
                raise MissingClaimError("iat")
            if expires - issued > self.max_lifetime:
                raise InvalidClaimError("lives longer than tokens may here")
        if expires <= now - self.leeway:
            raise ExpiredTokenError("exp is in the past")
        return expires


def check_identifier(name: str, value: object) -> None:
    """Check that a value can name a user: short, printable, and not blank at either end."""
    if not (
        isinstance(value, str)
        and 0 < len(value) <= _IDENTIFIER_MAX_LENGTH
        and value.isprintable()
        and value.strip() == value
    ):
        raise InvalidClaimError(f"{name} is not a short printable string")


def numeric_date(claims: Claims, name: str) -> float | None:
    """Return a NumericDate (RFC 7519, section 2): a JSON number, and nothing that looks like it."""
    if name not in claims:
        return None
    value: float = claims[name]
    if type(value) not in _NUMBERS:  # to isinstance a boolean is one
        raise InvalidClaimError(f"{name} is not a number")
    if not 0 <= value <= _LATEST:
        raise InvalidClaimError(f"{name} is out of range")
    return value
