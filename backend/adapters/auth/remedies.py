"""What to do about a refused token: the usual mistakes of Better Auth's users, by their looks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.adapters.auth.better_auth import BASE_PATH
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    ImmatureTokenError,
    InactiveTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
    VerifierUnavailableError,
)

_FETCH_ONE: Final = (
    "Fetch a JWT from Better Auth's /api/auth/token (its plugin `jwt`), and send it."
)
_SESSION_TOKEN: Final = re.compile(r"[A-Za-z0-9]{32}(\.[A-Za-z0-9+/=%]{40,})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a remedy depends on.

    Attributes:
        header: The token's header.
        claims: Its claims; empty if they cannot be read.
        policy: What its claims must say here.
        has_secret: Whether a shared secret is configured.
        jwks_url: Where the key set is, if one is configured.
        now: The time in seconds since the epoch.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    policy: ClaimsPolicy
    has_secret: bool
    jwks_url: str | None
    now: float


def of_form(token: str) -> str:
    """Return what to do about something that is no JWS.

    Args:
        token: What was sent.
    """
    if re.search(r"\s", token) or token[:1] in {'"', "'"}:
        return "Send the token alone: no `Bearer`, no quotes, no white space around it or in it."
    if _SESSION_TOKEN.fullmatch(token):
        return f"This is a session token of Better Auth's (cookie or plugin `bearer`). {_FETCH_ONE}"
    if token.startswith("eyJzZXNzaW9uIjp7"):  # {"session":{
        return "This is a session cookie. Send it as a cookie, with AUTH_COOKIE=compact set here."
    match token.count("."):
        case 4:
            return "This is encrypted. If it is a session cookie, send it as one: AUTH_COOKIE=jwe."
        case 0:
            return (
                "This is an opaque token. An OAuth access token of Better Auth's is a JWT only if"
                f" the client asked for a `resource`. {_FETCH_ONE}"
            )
    return "This was cut short, changed on its way, or never was a JWT."


def of_error(error: AuthError | VerifierUnavailableError, situation: Situation) -> str | None:
    """Return what to do about a check that fails; None if nothing is known to help."""
    remedy = _REMEDIES.get(type(error))
    return remedy(error, situation) if remedy else None


def _of_kind(_error: AuthError, situation: Situation) -> str:
    kind = str(situation.header.get("typ", "")).lower()
    if kind == "better-auth.session-cache+jwt":
        return "This is a session cookie. Send it as a cookie, with AUTH_COOKIE=jwt set here."
    if "cnf" in situation.claims:
        return "This is bound to its client's key (DPoP). Ask for a plain bearer token."
    if kind == "logout+jwt":
        return f"This is a logout token, for a client and not for an API. {_FETCH_ONE}"
    return f"This is a token of another kind. {_FETCH_ONE}"


def _of_algorithm(_error: AuthError, situation: Situation) -> str:
    algorithm = situation.header.get("alg")
    if algorithm in HMAC_ALGORITHMS and not situation.has_secret:
        return (
            "Signed with a shared secret, which Better Auth's /token never does, whatever tutorials"
            f" say. {_FETCH_ONE} (If something of yours signs so, set BETTER_AUTH_SECRET.)"
        )
    if algorithm in ASYMMETRIC_ALGORITHMS and not situation.jwks_url:
        return (
            f"Signed with {algorithm} by Better Auth's own key: set BETTER_AUTH_URL, the secret"
            " cannot verify it."
        )
    if algorithm in (*HMAC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS):
        return "AUTH_ALGORITHMS leaves this algorithm out, or the key that is named is of another."
    return "No Better Auth signs so. Somebody made this token up."


def _of_key(_error: AuthError, situation: Situation) -> str:
    return (
        f"{situation.jwks_url} has no such key. Another Better Auth signed this, or this one lost"
        " its keys (without a database they change at every start): sign in again."
    )


def _of_outage(_error: VerifierUnavailableError, situation: Situation) -> str:
    return (
        f"See whether {situation.jwks_url} answers. A 404 is a wrong base path: put Better Auth's"
        " own into BETTER_AUTH_URL, or set AUTH_JWKS_URL."
    )


def _of_signature(_error: AuthError, situation: Situation) -> str:
    if situation.header.get("alg") in HMAC_ALGORITHMS:
        return (
            "Another secret made this signature. After a rotation, list the old one too:"
            " BETTER_AUTH_SECRETS=2:new,1:old. The secret is the text itself, never decoded."
        )
    return "The token was changed on its way, or forged."


def _of_missing(error: MissingClaimError, situation: Situation) -> str:
    claim = error.claim
    if claim == "sub" and {"session", "user"} <= situation.claims.keys():
        return "This is a session cookie. Send it as a cookie, with AUTH_COOKIE=jwt set here."
    if claim == "sub" and "email" in situation.claims:
        return "This is from a link that was mailed to somebody: it verifies an address, no more."
    return f"Whoever issues the token has to put `{claim}` in; see AUTH_ISSUER, AUTH_AUDIENCE."


def _of_issuer(_error: AuthError, situation: Situation) -> str:
    issuer = str(situation.claims.get("iss"))
    expected = ", ".join(sorted(situation.policy.issuers))
    if issuer.rstrip("/") in {known.rstrip("/") for known in situation.policy.issuers}:
        return f"They differ by a slash at the end: set AUTH_ISSUER={issuer}, as the token has it."
    if issuer.endswith(BASE_PATH):
        return (
            f"An issuer that ends with {BASE_PATH} is that of an OAuth access token. To accept"
            f" those, set AUTH_ISSUER={issuer}, and AUTH_AUDIENCE to the `resource` of clients."
        )
    return (
        f"The issuer is {issuer}, but {expected} is trusted. Make BETTER_AUTH_URL here the very"
        " baseURL of Better Auth (localhost is not 127.0.0.1), or set AUTH_ISSUER."
    )


def _of_audience(_error: AuthError, situation: Situation) -> str:
    audience = situation.claims.get("aud")
    expected = ", ".join(sorted(situation.policy.audiences)) or "none"
    return (
        f"The audience is {audience}, but {expected} is expected. If this API is meant, set"
        " AUTH_AUDIENCE to it; an id token names its client, and is not for an API."
    )


def _of_clock(_error: AuthError, situation: Situation) -> str:
    starts = [situation.claims.get(name) for name in ("iat", "nbf")]
    ahead = max(start for start in starts if isinstance(start, int | float)) - situation.now
    return (
        f"Your clock is {ahead:.0f} s behind the issuer's, or it is ahead: synchronise both (NTP)."
        " AUTH_LEEWAY is for what is left."
    )


def _of_expiry(_error: AuthError, situation: Situation) -> str:
    ago = situation.now - situation.claims["exp"]
    return f"It ended {ago:.0f} s ago. Fetch a new one: those of Better Auth last 15 minutes."


def _of_user(_error: AuthError, _situation: Situation) -> str:
    return "Better Auth's admin plugin says that this user is banned."


_REMEDIES: Final[Mapping[type[Exception], Callable[[Any, Situation], str]]] = {
    UnsupportedTokenError: _of_kind,
    InvalidAlgorithmError: _of_algorithm,
    UnknownKeyError: _of_key,
    VerifierUnavailableError: _of_outage,
    InvalidSignatureError: _of_signature,
    MissingClaimError: _of_missing,
    InvalidIssuerError: _of_issuer,
    InvalidAudienceError: _of_audience,
    ImmatureTokenError: _of_clock,
    ExpiredTokenError: _of_expiry,
    InactiveTokenError: _of_user,
}
