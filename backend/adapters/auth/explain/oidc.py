"""Remedies for rejected tokens of an OpenID Connect issuer, after the usual mistakes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.adapters.auth.explain.claims import (
    clock_remedy,
    common_claim_remedy,
    without_slashes,
)
from backend.adapters.auth.explain.context import TokenContext, utc
from backend.adapters.auth.explain.failures import Failure
from backend.adapters.auth.explain.fetches import OIDC
from backend.adapters.auth.explain.remedies import (
    DPOP_BOUND,
    RUN_DOCTOR,
    machine_remedy,
    unlisted_algorithm_remedy,
)
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.redaction.values import any_of, quoted
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    ImmatureTokenError,
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

_SEND_ACCESS_TOKEN: Final = "Send the access token that the client requested for this API."  # noqa: S105 - no secret
_ENTRA_V1: Final = "https://sts.windows.net/"


def oidc_error_remedy(error: Failure, context: TokenContext) -> str | None:
    """Return the remedy for a failed check; None if no remedy is known.

    Args:
        error: The error that the check raised.
        context: The token and the configuration.
    """
    find_remedy = _REMEDIES.get(type(error))
    return find_remedy(error, context) if find_remedy else None


def _unsupported_token_remedy(_error: AuthError, context: TokenContext) -> str:
    if context.claims.get("cnf") is not None:
        return DPOP_BOUND
    return (
        "This is not an access token, but for example an ID token, a refresh token or a logout"
        f" token. {_SEND_ACCESS_TOKEN}"
    )


def _algorithm_remedy(_error: AuthError, context: TokenContext) -> str:
    algorithm = context.header.get("alg")
    if algorithm in ASYMMETRIC_ALGORITHMS:
        return unlisted_algorithm_remedy(algorithm)
    return (
        "This algorithm is not accepted: the issuer must sign access tokens with a key of its key"
        " set. A secret signs the refresh tokens of Keycloak, and the tokens of Supabase projects"
        f" without asymmetric keys. {_SEND_ACCESS_TOKEN}"
    )


def _key_remedy(_error: AuthError, context: TokenContext) -> str:
    if "kid" not in context.header:
        return "The token must name its key (`kid`), because the issuer has several keys."
    return (
        "Another issuer or another tenant signed this token, or the issuer has removed its key."
        " Sign in again, and check that OIDC_ISSUER is the issuer of the token."
    )


def _outage_remedy(error: VerifierUnavailableError, _context: TokenContext) -> str:
    return f"{OIDC.outage_remedy(error)} {RUN_DOCTOR}"


def _signature_remedy(_error: AuthError, _context: TokenContext) -> str:
    return (
        "The token was changed or forged, or it is for another API. (Only Microsoft can verify"
        f" Entra ID's tokens for Microsoft Graph.) {_SEND_ACCESS_TOKEN}"
    )


def _missing_claim_remedy(error: MissingClaimError, context: TokenContext) -> str:
    claim = error.claim
    if claim == "iat":
        return "AUTH_MAX_LIFETIME needs `iat`. Let the issuer add `iat`."
    if claim == "sub":
        return (
            "Every token needs `sub`. Keycloak leaves it out without the client scope `basic`: add"
            " that scope to the client."
        )
    if claim == context.policy.audience_claim:
        return (
            f"Let the issuer add {any_of(context.policy.audiences)} to `{claim}`. If its access"
            " tokens name the audience in another claim, set OIDC_CLAIM_AUDIENCE, for example to"
            " client_id for Amazon Cognito."
        )
    remedy = f"Let the issuer add `{claim}`."
    if claim in {"iss", "exp"}:
        return remedy
    return f"{remedy} Or set OIDC_CLAIM_USER_ID to the claim with the user's id."


def _invalid_claim_remedy(error: InvalidClaimError, context: TokenContext) -> str:
    return common_claim_remedy(error, context) or f"Fix `{error.claim}` where the token is issued."


def _issuer_remedy(_error: AuthError, context: TokenContext) -> str:
    issuer = context.claims.get("iss")
    if not isinstance(issuer, str):
        return "`iss` must be a string. Fix it where the token is issued."
    shown = quoted(issuer, name="iss")[1:-1]
    if issuer.rstrip("/") in without_slashes(context.policy.issuers):
        return f"The issuers differ by a trailing slash. Set OIDC_ISSUER={shown}, as in the token."
    if issuer.startswith(_ENTRA_V1):
        return (
            "This is a v1.0 token of Entra ID. Set `requestedAccessTokenVersion` to 2 in the"
            " manifest of the API's app registration."
        )
    if context.signed_by_key_set:
        return (
            "A key of the issuer signed this token, so only the address or the tenant differs. If"
            f" you trust this issuer, set OIDC_ISSUER={shown}."
        )
    return f"Another issuer made this token. If you trust that issuer, set OIDC_ISSUER={shown}."


def _audience_remedy(_error: AuthError, context: TokenContext) -> str:
    name = context.policy.audience_claim
    audience, expected = context.claims.get(name), context.policy.audiences
    for value in audience if isinstance(audience, list) else [audience]:
        if value not in expected and str(value).rstrip("/") in without_slashes(expected):
            return (
                "The audiences differ by a trailing slash. Set AUTH_AUDIENCE to"
                f" {quoted(value, name='aud')}, as in the token."
            )
    return (
        f"Let the client request a token for {any_of(expected)}. If the token is for this API, add"
        " its audience to AUTH_AUDIENCE. (The audience of an ID token is a client: ID tokens are"
        " not for an API.)"
    )


def _expiry_remedy(_error: AuthError, context: TokenContext) -> str:
    ago = context.now - context.claims["exp"]
    return (
        f"The token expired {ago:.0f} s ago. Let the client get a new token with its refresh token."
        f" (If the token is new, your clock is ahead: here it is {utc(context.now)}.)"
    )


_REMEDIES: Final[Mapping[type[Exception], Callable[[Any, TokenContext], str]]] = {
    UnsupportedTokenError: _unsupported_token_remedy,
    InvalidAlgorithmError: _algorithm_remedy,
    UnknownKeyError: _key_remedy,
    VerifierUnavailableError: _outage_remedy,
    InvalidSignatureError: _signature_remedy,
    MissingClaimError: _missing_claim_remedy,
    InvalidClaimError: _invalid_claim_remedy,
    InvalidIssuerError: _issuer_remedy,
    InvalidAudienceError: _audience_remedy,
    ImmatureTokenError: clock_remedy,
    ExpiredTokenError: _expiry_remedy,
    MachineTokenError: machine_remedy,
}
