"""The context of a check: the content of the token and the configuration of this server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from backend.adapters.auth.claims import ClaimsPolicy, numeric_date
from backend.adapters.auth.machine_tokens import is_machine_token
from backend.adapters.auth.pyjwt import media_subtype
from backend.adapters.auth.redaction.values import any_of, quoted
from backend.adapters.auth.token_types import OAUTH_TOKEN_TYPES
from backend.domain.auth import InvalidClaimError

OFF: Final = "off"  # the strategy of session cookies that means: not accepted
TIMES: Final = ("iat", "nbf", "exp")

_CLAIMS: Final = {"subject": "sub", "issuer": "iss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenContext:
    """A decoded token and the configuration that it is checked against.

    Attributes:
        header: The header of the token.
        claims: The claims of the token; empty if the payload cannot be decoded.
        policy: The rules for the registered claims.
        has_secret: Whether a shared secret is configured.
        jwks_url: The URL of the key set; None if no key set is configured.
        now: The current time in seconds since the epoch.
        cookie_strategy: The accepted strategy of session cookies, or `off`.
        secret_is_for_sessions: Whether the shared secret verifies session cookies and session
            tokens only.
        has_resource: Whether OAuth access tokens have rules of their own (`AUTH_RESOURCE`).
        signed_by_key_set: Whether a key of the key set verified the signature.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    policy: ClaimsPolicy
    has_secret: bool
    jwks_url: str | None
    now: float
    cookie_strategy: str = OFF
    secret_is_for_sessions: bool = False
    has_resource: bool = False
    signed_by_key_set: bool = False

    @property
    def is_access_token(self) -> bool:
        """Whether the type of the token is that of OAuth access tokens."""
        return media_subtype(self.header.get("typ")) in OAUTH_TOKEN_TYPES

    def found(self, check: str) -> str | None:
        """Return the values in the token that a check examines; None without such values.

        Args:
            check: The name of the check.
        """
        header, claims = self.header, self.claims
        match check:
            case "header":
                return "at+jwt: an OAuth access token" if self.is_access_token else None
            case "signature":
                key = f" by key {quoted(header['kid'], name='kid')}" if "kid" in header else ""
                return f"{quoted(header.get('alg'))}{key}"
            case "subject" if claims.get("cnf") is not None:
                pass  # the check fails because of `cnf`, whatever `sub` is
            case "subject" | "issuer" | "audience":
                return _claim(claims, _CLAIMS.get(check, self.policy.audience_claim))
            case "user":
                return f"the machine {_claim(claims, 'sub')}" if self._is_machine else None
            case "times":
                times = [f"{name} {shown_time(claims, name)}" for name in TIMES if name in claims]
                return ", ".join(times) or "none"
        return None

    @property
    def _is_machine(self) -> bool:
        return "sub" in self.claims and is_machine_token(self.claims)

    def expected(self, check: str) -> str | None:
        """Return the values that a check accepts; None without such values.

        Args:
            check: The name of the check.
        """
        match check:
            case "signature":
                verifies = self.has_secret and not self.secret_is_for_sessions
                secret = ["HS256 by the shared secret"] if verifies else []
                key_set = [f"a key of {self.jwks_url}"] if self.jwks_url else []
                return " or ".join([*secret, *key_set])
            case "issuer":
                return any_of(self.policy.issuers) or "any"
            case "audience":
                return any_of(self.policy.audiences) or "no audience"
            case "times":
                return f"valid at {utc(self.now)}, with a leeway of {self.policy.leeway:g} s"
        return None


def utc(seconds: float) -> str:
    """Format seconds since the epoch as a UTC date and time (RFC 3339)."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def shown_time(claims: Mapping[str, Any], name: str) -> str:
    """Format a time claim for a message; an invalid time is not changed, except to hide secrets."""
    try:
        seconds = numeric_date(claims, name)
    except InvalidClaimError:
        return quoted(claims[name])
    return "none" if seconds is None else utc(seconds)


def _claim(claims: Mapping[str, Any], name: str) -> str:
    return quoted(claims[name], name=name) if name in claims else "none"
