"""The rules for the registered claims of a token (RFC 7519, section 4.1).

The rules are stricter than those of common libraries. Values are not converted: a time must be a
JSON number, and an audience must be a string or a list of strings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.adapters.auth.redaction.values import any_of, quoted
from backend.domain.auth import (
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    MissingClaimError,
    Principal,
    UnsupportedTokenError,
)

Claims = Mapping[str, Any]
# Maps verified claims and their expiry, in seconds since the epoch, to a principal.
ToPrincipal = Callable[[Claims, float], Principal]

_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 1
_IDENTIFIER_MAX_LENGTH: Final = 255
_NUMBERS: Final = frozenset({int, float})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPolicy:
    """The rules for the claims of an access token.

    Every check raises an `AuthError` whose message names the claim.

    Attributes:
        issuers: The accepted values of `iss`. If empty, any issuer is accepted.
        audiences: The accepted values of `aud`. If empty, a token with an audience is rejected.
        audience_claim: The claim that names the audience, if the issuer does not use `aud`.
        leeway: The tolerated clock skew in seconds.
        max_lifetime: The longest accepted lifetime (`exp - iat`) in seconds, or None for any.
    """

    issuers: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    audience_claim: str = "aud"
    leeway: float = 10.0
    max_lifetime: float | None = None

    def check(self, claims: Claims, now: float) -> float:
        """Check all claims, and return when the token expires, in seconds since the epoch.

        The expiry is checked last, so that only a token without other faults counts as expired.

        Args:
            claims: The claims of a token whose signature was verified.
            now: The time in seconds since the epoch.

        Raises:
            InvalidTokenError: A claim is missing or not accepted.
            ExpiredTokenError: The token has expired. All other claims are valid.
        """
        self.check_subject(claims)
        self.check_issuer(claims)
        self.check_audience(claims)
        return self.check_times(claims, now)

    def check_subject(self, claims: Claims) -> None:
        """Check that the token names a user (`sub`) and is a bearer token (no `cnf`)."""
        if claims.get("cnf") is not None:  # null names no key
            raise UnsupportedTokenError("cnf binds the token to a key: not a bearer token")
        subject = claims.get("sub")
        if subject is None:
            # The tokens in Better Auth's e-mail links have no `sub`, and must not authenticate.
            raise MissingClaimError("sub")
        check_identifier("sub", subject)
        if not isinstance(claims.get("jti", ""), str):
            raise InvalidClaimError("jti", "is not a string")

    def check_issuer(self, claims: Claims) -> None:
        """Check that the issuer (`iss`) is accepted."""
        if not self.issuers:
            return
        issuer = claims.get("iss")
        if issuer is None:
            raise MissingClaimError("iss")
        if not isinstance(issuer, str) or issuer not in self.issuers:
            raise InvalidIssuerError(
                "iss is not an accepted issuer",
                found=quoted(issuer, name="iss"),
                expected=any_of(self.issuers),
            )

    def check_audience(self, claims: Claims) -> None:
        """Check that the token is for an accepted audience.

        A token with `aud` must name an accepted audience there, even if another claim is the
        audience claim (RFC 7519, section 4.1.3).
        """
        name = self.audience_claim
        if name in claims:
            self._check_accepted(claims, name)
        elif self.audiences:
            raise MissingClaimError(name)
        if name != "aud" and "aud" in claims:
            self._check_accepted(claims, "aud")

    def _check_accepted(self, claims: Claims, name: str) -> None:
        audience = claims[name]
        if isinstance(audience, str):
            accepted = audience in self.audiences
        elif isinstance(audience, list) and set(map(type, audience)) == {str}:
            accepted = not self.audiences.isdisjoint(audience)
        else:
            raise InvalidClaimError(name, "is not a string or a non-empty list of strings")
        if not accepted:
            raise InvalidAudienceError(
                f"{name} contains no accepted audience",
                found=quoted(audience, name=name),
                expected=any_of(self.audiences) or "no audience",
            )

    def check_times(self, claims: Claims, now: float) -> float:
        """Check that the token is valid now, and return when it expires.

        Raises:
            InvalidTokenError: A time is missing, invalid or in the future, or the lifetime is too
                long.
            ExpiredTokenError: The token has expired.
        """
        expires = numeric_date(claims, "exp")
        if expires is None:
            raise MissingClaimError("exp")
        not_before, issued = numeric_date(claims, "nbf"), numeric_date(claims, "iat")
        if not_before is not None and not_before > now + self.leeway:
            raise ImmatureTokenError("nbf is in the future", found=_ahead(not_before - now))
        if issued is not None and issued > now + self.leeway:
            raise ImmatureTokenError("iat is in the future", found=_ahead(issued - now))
        if self.max_lifetime is not None:
            if issued is None:
                raise MissingClaimError("iat")
            if expires - issued > self.max_lifetime:
                raise InvalidClaimError("exp", "exceeds iat by more than the maximum lifetime")
        if expires <= now - self.leeway:
            raise ExpiredTokenError("exp is in the past", found=f"{now - expires:.0f} s ago")
        return expires


def check_identifier(name: str, value: object) -> None:
    """Check that a claim can be a user id: short, printable, without surrounding whitespace.

    Args:
        name: The name of the claim, for the error message.
        value: The value of the claim.

    Raises:
        InvalidClaimError: The value cannot be a user id.
    """
    if not (
        isinstance(value, str)
        and 0 < len(value) <= _IDENTIFIER_MAX_LENGTH
        and value.isprintable()
        and value.strip() == value
    ):
        raise InvalidClaimError(
            name,
            f"must be a string of 1 to {_IDENTIFIER_MAX_LENGTH} printable characters"
            " without surrounding whitespace",
        )


def numeric_date(claims: Claims, name: str) -> float | None:
    """Return a time claim in seconds since the epoch, or None if it is absent.

    Raises:
        InvalidClaimError: The claim is not a NumericDate (RFC 7519, section 2), or lies before 1970
            or after the year 9999.
    """
    if name not in claims:
        return None
    value: float = claims[name]
    if type(value) not in _NUMBERS:  # isinstance would accept a boolean
        raise InvalidClaimError(name, "is not a number")
    if not 0 <= value <= _LATEST:
        raise InvalidClaimError(name, "is out of range")
    return value


def _ahead(seconds: float) -> str:
    return f"{seconds:.0f} s ahead of this machine's clock"
