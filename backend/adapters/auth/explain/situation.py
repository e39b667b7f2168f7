"""What is known when a token is explained: what it says, and what is configured here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.adapters.auth.claims import ClaimsPolicy, numeric_date
from backend.adapters.auth.explain.redaction import quoted
from backend.domain.auth import InvalidClaimError

OFF: Final = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a verdict and a remedy speak of.

    Attributes:
        header: The token's header.
        claims: Its claims; empty if they cannot be read.
        policy: What its claims must say here.
        has_secret: Whether a shared secret is configured.
        jwks_url: Where the key set is, if one is configured.
        now: The time in seconds since the epoch.
        cookies: The strategy of the session cookies that are accepted, or `off`.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    policy: ClaimsPolicy
    has_secret: bool
    jwks_url: str | None
    now: float
    cookies: str = OFF

    def found(self, check: str) -> str | None:
        """Return what the token says about what is checked."""
        claims, header = self.claims, self.header
        match check:
            case "signature":
                key = f" by key {quoted(header['kid'])}" if "kid" in header else ""
                return f"{quoted(header.get('alg'))}{key}"
            case "subject":
                return _claim(claims, "sub")
            case "issuer":
                return _claim(claims, "iss")
            case "audience":
                return _claim(claims, "aud")
            case "times":
                said = [f"{name} {_moment(claims, name)}" for name in _TIMES if name in claims]
                return ", ".join(said) or "none"
        return None

    def expected(self, check: str) -> str | None:
        """Return what it ought to say."""
        match check:
            case "signature":
                secret = ["HS256 by the shared secret"] if self.has_secret else []
                return " or ".join(
                    [*secret, *([f"a key of {self.jwks_url}"] * bool(self.jwks_url))]
                )
            case "issuer":
                return one_of(self.policy.issuers) or "any"
            case "audience":
                return one_of(self.policy.audiences) or "none at all"
            case "times":
                leeway = f"{self.policy.leeway:g} s"
                return f"begun by and not over at {iso(self.now)}, give or take {leeway}"
        return None


_TIMES = ("iat", "nbf", "exp")


def one_of(values: frozenset[str]) -> str:
    """Write the accepted values of a claim."""
    return " or ".join(sorted(map(quoted, values)))


def iso(seconds: float) -> str:
    """Write a time as a calendar does."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _claim(claims: Mapping[str, Any], name: str) -> str:
    return quoted(claims[name]) if name in claims else "none"


def _moment(claims: Mapping[str, Any], name: str) -> str:
    try:
        seconds = numeric_date(claims, name)
    except InvalidClaimError:
        return quoted(claims[name])
    return iso(seconds or 0)
