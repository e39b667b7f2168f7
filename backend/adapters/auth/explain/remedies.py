"""Remedies for rejected tokens, after the usual mistakes with Better Auth."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.adapters.auth.explain import claims
from backend.adapters.auth.explain.context import TokenContext
from backend.adapters.auth.explain.cookies import SEND_JWT, jwt_cookie_remedy
from backend.adapters.auth.explain.failures import Failure
from backend.adapters.auth.explain.fetches import BETTER_AUTH
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    ImmatureTokenError,
    InactiveTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MachineTokenError,
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
    VerifierUnavailableError,
)

RUN_DOCTOR: Final = "Run `python -m backend doctor` for details."
DPOP_BOUND: Final = (
    "This token is bound to a key of its client (DPoP). Let the client request a token without"
    " DPoP."
)


def error_remedy(error: Failure, context: TokenContext) -> str | None:
    """Return the remedy for a failed check; None if no remedy is known.

    Args:
        error: The error that the check raised.
        context: The token and the configuration.
    """
    # A session cookie fails several checks. All of them have the same remedy.
    if isinstance(error, _RAISED_FOR_COOKIES) and (remedy := jwt_cookie_remedy(context)):
        return remedy
    find_remedy = _REMEDIES.get(type(error))
    return find_remedy(error, context) if find_remedy else None


def _unsupported_token_remedy(_error: AuthError, context: TokenContext) -> str:
    if context.claims.get("cnf") is not None:
        return DPOP_BOUND
    if str(context.header.get("typ", "")).lower() == "logout+jwt":
        return f"This is a logout token: it is for a client, not for an API. {SEND_JWT}"
    return f"This is not an access token. {SEND_JWT}"


def _algorithm_remedy(_error: AuthError, context: TokenContext) -> str:
    algorithm = context.header.get("alg")
    if algorithm in HMAC_ALGORITHMS and not context.has_secret:
        return (
            "This token is signed with a shared secret. Better Auth's /token never does that,"
            f" although some tutorials say so. {SEND_JWT} If a service of your own signs such"
            " tokens, set BETTER_AUTH_SECRET."
        )
    if algorithm in HMAC_ALGORITHMS and context.secret_is_for_sessions:
        return (
            "With a key set and AUTH_COOKIE or AUTH_SESSION_TOKENS, BETTER_AUTH_SECRET verifies"
            f" sessions only. {SEND_JWT} If a service of your own signs such tokens, list HS256 and"
            " the algorithms of the key set in AUTH_ALGORITHMS."
        )
    if algorithm in ASYMMETRIC_ALGORITHMS and not context.jwks_url:
        return (
            f"This token is signed with {algorithm}, by Better Auth's own key. Set BETTER_AUTH_URL:"
            " the secret cannot verify it."
        )
    if algorithm in (*HMAC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS):
        return unlisted_algorithm_remedy(algorithm)
    return f"Better Auth never uses this algorithm: another issuer made this token. {SEND_JWT}"


def unlisted_algorithm_remedy(algorithm: str) -> str:
    """Return the remedy for an algorithm that is supported, but not accepted here."""
    return (
        f"AUTH_ALGORITHMS does not list {algorithm}. Add it, or unset AUTH_ALGORITHMS. If"
        " AUTH_ALGORITHMS is not set, the key that the token names is for another algorithm."
    )


def _key_remedy(_error: AuthError, context: TokenContext) -> str:
    if "kid" not in context.header:
        return f"The token must name its key (`kid`), as Better Auth's tokens do. {SEND_JWT}"
    return (
        "Another Better Auth signed this token, or Better Auth lost its keys: without a database it"
        " makes new keys at every start. Sign in again, and check that BETTER_AUTH_URL is the"
        " server that issued the token."
    )


def _outage_remedy(error: VerifierUnavailableError, _context: TokenContext) -> str:
    return f"{BETTER_AUTH.outage_remedy(error)} {RUN_DOCTOR}"


def _signature_remedy(_error: AuthError, context: TokenContext) -> str:
    if context.header.get("alg") in HMAC_ALGORITHMS:
        return (
            "The token was changed, or another secret signed it. Set BETTER_AUTH_SECRET to exactly"
            " the text that the issuer uses, without decoding it. After a rotation, also list the"
            " old secret: BETTER_AUTH_SECRETS=2:new,1:old."
        )
    return (
        "The token was changed or forged, or another Better Auth signed it with a key of the same"
        " id. Check that BETTER_AUTH_URL is the server that issued the token."
    )


def _inactive_user_remedy(_error: AuthError, _context: TokenContext) -> str:
    return "The user is banned in Better Auth (plugin `admin`). Lift the ban there."


def machine_remedy(_error: AuthError, _context: TokenContext) -> str:
    """Return the remedy for a token that a client got for itself."""
    return (
        "A client got this token for itself (client credentials), so it names no user. Let the"
        " client ask a user for consent, or set AUTH_MACHINE_TOKENS=on to accept clients."
    )


_RAISED_FOR_COOKIES: Final = (
    UnsupportedTokenError,
    InvalidAlgorithmError,
    MissingClaimError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidAudienceError,
)

_REMEDIES: Final[Mapping[type[Exception], Callable[[Any, TokenContext], str]]] = {
    UnsupportedTokenError: _unsupported_token_remedy,
    InvalidAlgorithmError: _algorithm_remedy,
    UnknownKeyError: _key_remedy,
    VerifierUnavailableError: _outage_remedy,
    InvalidSignatureError: _signature_remedy,
    MissingClaimError: claims.missing_claim_remedy,
    InvalidClaimError: claims.invalid_claim_remedy,
    InvalidIssuerError: claims.issuer_remedy,
    InvalidAudienceError: claims.audience_remedy,
    ImmatureTokenError: claims.clock_remedy,
    ExpiredTokenError: claims.expiry_remedy,
    InactiveTokenError: _inactive_user_remedy,
    MachineTokenError: machine_remedy,
}
