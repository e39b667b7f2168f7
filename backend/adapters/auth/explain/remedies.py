"""What to do about a refused token: the usual mistakes of Better Auth's users, by their looks."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.adapters.auth.explain import claims as claim_remedies
from backend.adapters.auth.explain.claims import FETCH_ONE
from backend.adapters.auth.explain.cookies import of_cookie
from backend.adapters.auth.explain.fetches import UNREACHABLE, of_fetch
from backend.adapters.auth.explain.situation import Situation
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jwks.errors import FetchError
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
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
    VerifierUnavailableError,
)


def of_error(error: AuthError | VerifierUnavailableError, situation: Situation) -> str | None:
    """Return what to do about a check that fails; None if nothing is known to help."""
    remedy = _REMEDIES.get(type(error))
    # Where a cookie names no issuer, or has no subject, nothing of that is to be mended.
    cookie = of_cookie(situation) if isinstance(error, _OF_COOKIES) else None
    return cookie or (remedy(error, situation) if remedy else None)


def _of_kind(_error: AuthError, situation: Situation) -> str:
    kind = str(situation.header.get("typ", "")).lower()
    if "cnf" in situation.claims:
        return "This is bound to its client's own key (DPoP). Let the client ask without DPoP."
    if kind == "logout+jwt":
        return f"This is a logout token, for a client and not for an API. {FETCH_ONE}"
    return f"This is no access token. {FETCH_ONE}"


def _of_algorithm(_error: AuthError, situation: Situation) -> str:
    algorithm = situation.header.get("alg")
    if algorithm in HMAC_ALGORITHMS and not situation.has_secret:
        return (
            "Signed with a shared secret, which Better Auth's /token never does, whatever tutorials"
            f" say. {FETCH_ONE} (If something of yours signs so, set BETTER_AUTH_SECRET.)"
        )
    if algorithm in ASYMMETRIC_ALGORITHMS and not situation.jwks_url:
        return (
            f"Signed with {algorithm} by Better Auth's own key: set BETTER_AUTH_URL, the secret"
            " cannot verify it."
        )
    if algorithm in (*HMAC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS):
        return (
            f"AUTH_ALGORITHMS leaves {algorithm} out: add it, or unset the variable. If it is not"
            " set, the key that the token names is one for another algorithm."
        )
    return f"Better Auth never signs so: somebody else made this token. {FETCH_ONE}"


def _of_key(_error: AuthError, situation: Situation) -> str:
    if "kid" not in situation.header:
        return f"It has to say which key signed it (`kid`), as Better Auth's do. {FETCH_ONE}"
    return (
        "Another Better Auth signed this, or this one lost its keys (without a database they change"
        " at every start): sign in again. If BETTER_AUTH_URL leads to another one, mend it."
    )


def _of_outage(error: VerifierUnavailableError, _situation: Situation) -> str:
    cause = error.__cause__
    remedy = of_fetch(cause) if isinstance(cause, FetchError) else UNREACHABLE
    return f"{remedy} `python -m backend doctor` looks closer."


def _of_signature(_error: AuthError, situation: Situation) -> str:
    if situation.header.get("alg") in HMAC_ALGORITHMS:
        return (
            "Another secret made this signature, or the token was changed: set BETTER_AUTH_SECRET"
            " to the very text that the signer uses, never decoded. After a rotation, list the old"
            " one too: BETTER_AUTH_SECRETS=2:new,1:old."
        )
    return (
        "The token was changed on its way, forged, or signed by another Better Auth whose keys have"
        " the same names: see whether BETTER_AUTH_URL is the one that issued it."
    )


def _of_user(_error: AuthError, _situation: Situation) -> str:
    return "Better Auth's plugin `admin` says that this user is banned. Lift the ban there."


_OF_COOKIES: Final = (
    UnsupportedTokenError,
    InvalidAlgorithmError,
    MissingClaimError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidAudienceError,
)

_REMEDIES: Final[Mapping[type[Exception], Callable[[Any, Situation], str | None]]] = {
    UnsupportedTokenError: _of_kind,
    InvalidAlgorithmError: _of_algorithm,
    UnknownKeyError: _of_key,
    VerifierUnavailableError: _of_outage,
    InvalidSignatureError: _of_signature,
    MissingClaimError: claim_remedies.of_missing,
    InvalidClaimError: claim_remedies.of_invalid,
    InvalidIssuerError: claim_remedies.of_issuer,
    InvalidAudienceError: claim_remedies.of_audience,
    ImmatureTokenError: claim_remedies.of_clock,
    ExpiredTokenError: claim_remedies.of_expiry,
    InactiveTokenError: _of_user,
}
