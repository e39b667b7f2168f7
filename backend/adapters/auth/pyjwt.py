"""From a token to a principal: PyJWT's signatures, checked keys, strict claims.

The order is a defence: size, form and header first, then the key, then the signature; nothing of
the payload is read before the signature holds. Expiry is judged last, so that "expired" is said
only of a token that is right in everything else.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.adapters.auth.jws import decode_object, parse_compact
from backend.adapters.auth.keys import KeySource
from backend.domain.auth import (
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingClaimError,
    Principal,
    UnsupportedTokenError,
)

Claims = Mapping[str, Any]

ACCEPTED_TYPES: Final = frozenset({"jwt", "at+jwt"})  # RFC 7519, section 5.1; RFC 9068, section 2.1
_REFUSED_HEADERS: Final = ("crit", "b64", "zip", "enc")
_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 1
_SUBJECT_MAX_LENGTH: Final = 255
_KID_MAX_LENGTH: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPolicy:
    """What the registered claims of a token must say.

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


class JwtTokenVerifier:
    """Verifies JWTs (RFC 7519, by the advice of RFC 8725) without asking anyone.

    Args:
        sources: The accepted algorithms, and where the keys of each come from. That the two are
            one table is what ties an algorithm to its family of keys.
        policy: What the registered claims must say.
        to_principal: Reads the issuer's dialect: verified claims and their end, to a principal.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self,
        sources: Mapping[str, KeySource],
        *,
        policy: ClaimsPolicy,
        to_principal: Callable[[Claims, datetime], Principal],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        self._policy = policy
        self._to_principal = to_principal
        self._clock = clock

    async def verify(self, token: str, /) -> Principal:
        """Verify one bearer token.

        Args:
            token: A JWS in compact serialization. Untrusted.

        Raises:
            AuthError: The token is not valid here.
            VerifierUnavailableError: Its key cannot be had at the moment.
        """
        jws = parse_compact(token)
        algorithm, kid = _check_header(jws.header)
        source = self._sources.get(algorithm)
        if source is None:
            raise InvalidAlgorithmError("the token's algorithm is not accepted here")
        for key in await source.find(algorithm, kid):
            if key.verify(algorithm, jws.signing_input, jws.signature):
                break
        else:
            raise InvalidSignatureError("no key that fits made this signature")
        claims = decode_object(jws.payload)
        return self._to_principal(claims, self._check_claims(claims))

    def _check_claims(self, claims: Claims) -> datetime:
        """Return when the token ends, if its registered claims hold (RFC 7519, section 4.1)."""
        subject = claims.get("sub")
        if subject is None:
            raise MissingClaimError("sub")  # so that no mailed link of Better Auth logs anyone in
        if not is_identifier(subject):
            raise InvalidClaimError("sub is not a short printable string")
        if not isinstance(claims.get("jti", ""), str):
            raise InvalidClaimError("jti is not a string")
        if "cnf" in claims:
            raise UnsupportedTokenError("bound to a key (RFC 7800), so not a bearer token")
        self._check_issuer(claims)
        self._check_audience(claims)
        return self._check_times(claims)

    def _check_issuer(self, claims: Claims) -> None:
        if not self._policy.issuers:
            return
        issuer = claims.get("iss")
        if issuer is None:
            raise MissingClaimError("iss")
        if not isinstance(issuer, str) or issuer not in self._policy.issuers:
            raise InvalidIssuerError("issued by someone else")

    def _check_audience(self, claims: Claims) -> None:
        audience = claims.get("aud")
        if audience is None and "aud" not in claims:
            if self._policy.audiences:
                raise MissingClaimError("aud")
            return
        values = audience if isinstance(audience, list) else [audience]
        if not values or not all(isinstance(value, str) for value in values):
            raise InvalidClaimError("aud is not a string or a list of strings")
        if self._policy.audiences.isdisjoint(values):
            raise InvalidAudienceError("meant for someone else")

    def _check_times(self, claims: Claims) -> datetime:
        now = self._clock()
        expires = _numeric_date(claims, "exp")
        if expires is None:
            raise MissingClaimError("exp")
        not_before, issued = _numeric_date(claims, "nbf"), _numeric_date(claims, "iat")
        if not_before is not None and not_before > now + self._policy.leeway:
            raise ImmatureTokenError("nbf is in the future")
        if issued is not None and issued > now + self._policy.leeway:
            raise ImmatureTokenError("iat is in the future")
        if self._policy.max_lifetime is not None:
            if issued is None:
                raise MissingClaimError("iat")
            if expires - issued > self._policy.max_lifetime:
                raise InvalidClaimError("lives longer than tokens may here")
        if expires <= now - self._policy.leeway:
            raise ExpiredTokenError("exp is in the past")
        return datetime.fromtimestamp(expires, UTC)


def is_identifier(value: object) -> bool:
    """Tell whether a value can name a user: a short, printable string, not blank at either end."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _SUBJECT_MAX_LENGTH
        and value.isprintable()
        and value.strip() == value
    )


def _check_header(header: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the algorithm and the key's id; keys that a header offers are not even looked at."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str):
        raise InvalidAlgorithmError("alg is not a string")
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= _KID_MAX_LENGTH):
        raise UnsupportedTokenError("kid is not a short string")
    if not isinstance(kind, str) or _media_subtype(kind) not in ACCEPTED_TYPES:
        raise UnsupportedTokenError("typ is not that of an access token")
    if "cty" in header and _media_subtype(header["cty"]) == "jwt":
        raise UnsupportedTokenError("a nested token")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise UnsupportedTokenError(f"{name} in the header")
    return algorithm, kid


def _media_subtype(kind: object) -> str:
    """Return a `typ` or `cty` as it compares (RFC 7515, section 4.1.9)."""
    return str(kind).lower().removeprefix("application/")


def _numeric_date(claims: Claims, name: str) -> float | None:
    """Return a NumericDate (RFC 7519, section 2): a JSON number, and nothing that looks like it."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidClaimError(f"{name} is not a number")
    if not 0 <= value <= _LATEST:
        raise InvalidClaimError(f"{name} is out of range")
    return value
