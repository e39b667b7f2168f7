"""Remedies for claims that are missing or not accepted."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from backend.adapters.auth.better_auth.tokens import BASE_PATH
from backend.adapters.auth.explain.context import TIMES, TokenContext, utc
from backend.adapters.auth.explain.cookies import SEND_JWT
from backend.adapters.auth.redaction.values import any_of, quoted
from backend.domain.auth import AuthError, InvalidClaimError, MissingClaimError

_ORIGIN: Final = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII)
_LATEST_SECONDS: Final = 10**11  # the year 5138; a later time must be in milliseconds


def missing_claim_remedy(error: MissingClaimError, context: TokenContext) -> str:
    """Return the remedy for a required claim that is missing."""
    claim = error.claim
    if claim == "sub" and "email" in context.claims:
        return (
            "This token is from a link that was mailed to a user: it verifies an e-mail address and"
            f" does not log in. {SEND_JWT}"
        )
    if claim == "iat":
        return "AUTH_MAX_LIFETIME needs `iat`. Add `iat` where the token is issued."
    remedy = f"Add `{claim}` where the token is issued, as Better Auth's /token does."
    variable = {"iss": "AUTH_ISSUER", "aud": "AUTH_AUDIENCE"}.get(claim)
    if variable is None:
        return remedy
    return f"{remedy} It is required because BETTER_AUTH_URL or {variable} is set."


def invalid_claim_remedy(error: InvalidClaimError, context: TokenContext) -> str:
    """Return the remedy for a claim with a wrong type or a value that is not allowed."""
    if remedy := common_claim_remedy(error, context):
        return remedy
    if error.claim == "sub" and not isinstance(context.claims.get("sub"), str):
        return "`sub` must be a string. Use `String(user.id)` where the token is issued."
    return (
        f"Fix `{error.claim}` where the token is issued. With Better Auth, see `definePayload` of"
        " its plugin `jwt`."
    )


def common_claim_remedy(error: InvalidClaimError, context: TokenContext) -> str | None:
    """Return the remedy for an invalid time, for any issuer; None for other claims."""
    claim, value = error.claim, context.claims.get(error.claim)
    if claim in TIMES and isinstance(value, str):
        return (
            "Times must be numbers (seconds since 1970), not strings. Fix them where the token is"
            " issued."
        )
    if claim in TIMES and isinstance(value, int | float) and value > _LATEST_SECONDS:
        return (
            "Times must be in seconds since 1970, not in milliseconds. Divide by 1000 where the"
            " token is issued."
        )
    if _exceeds_max_lifetime(claim, context):
        return (
            f"AUTH_MAX_LIFETIME allows {context.policy.max_lifetime:g} s. Issue tokens with a"
            " shorter lifetime, or raise AUTH_MAX_LIFETIME."
        )
    return None


def issuer_remedy(_error: AuthError, context: TokenContext) -> str:
    """Return the remedy for an issuer that is not accepted."""
    issuer, accepted = context.claims.get("iss"), without_slashes(context.policy.issuers)
    if not isinstance(issuer, str):
        return "`iss` must be a string. Fix it where the token is issued."
    shown = quoted(issuer, name="iss")[1:-1]
    if issuer.rstrip("/") in accepted:
        return f"The issuers differ by a trailing slash. Set AUTH_ISSUER={shown}, as in the token."
    if f"{issuer}{BASE_PATH}" in accepted and not context.is_access_token:
        return (
            f"Better Auth's /token uses its origin as the issuer, without {BASE_PATH}. Unset"
            f" AUTH_ISSUER, or set AUTH_ISSUER={shown}."
        )
    if remedy := _oauth_remedy(issuer, context):
        return remedy
    if context.signed_by_key_set and _ORIGIN.fullmatch(issuer):
        return _public_address_remedy(issuer, shown, context)
    return (
        "Set BETTER_AUTH_URL to exactly the baseURL of Better Auth: localhost is not 127.0.0.1, and"
        " the port matters. If this server reaches Better Auth under another address, also set"
        " AUTH_JWKS_URL. Or set AUTH_ISSUER and AUTH_AUDIENCE, if you trust this issuer."
    )


def _oauth_remedy(issuer: str, context: TokenContext) -> str | None:
    """Return the remedy for a token of Better Auth's OAuth provider; None for other tokens."""
    if context.is_access_token and not context.has_resource:
        return (
            "This is an OAuth access token. To accept such tokens beside those of /token, set"
            " AUTH_RESOURCE to the URL of this API that clients request as `resource`. The"
            f" audience of this token is {quoted(context.claims.get('aud'), name='aud')}."
        )
    if issuer.rstrip("/").endswith(BASE_PATH) and not context.is_access_token:
        return (
            f"The issuer ends with {BASE_PATH}, but `typ` is not at+jwt: this is an ID token, which"
            " is for a client and not for an API. Send the access token, or a token of /token."
        )
    return None


def _public_address_remedy(issuer: str, shown: str, context: TokenContext) -> str:
    """Return the remedy for a Better Auth with different public and internal addresses."""
    how = "address"
    if _without_scheme(issuer) in set(map(_without_scheme, context.policy.issuers)):
        how = "scheme (http and https)"
    return (
        f"A key of {context.jwks_url} signed this token, so only the {how} differs. Set"
        f" BETTER_AUTH_URL={shown}, as browsers see it, and AUTH_JWKS_URL={context.jwks_url}, as"
        " this server reaches it. That is usual in Docker."
    )


def audience_remedy(_error: AuthError, context: TokenContext) -> str:
    """Return the remedy for an audience that is not accepted."""
    audience, accepted = context.claims.get("aud"), without_slashes(context.policy.audiences)
    shown, expected = quoted(audience, name="aud"), any_of(context.policy.audiences)
    if context.is_access_token:
        return _resource_remedy(shown, expected, context)
    if not accepted:
        return (
            f"The audience is {shown}, but no audience is configured. Set BETTER_AUTH_URL if Better"
            " Auth issued this token, or AUTH_AUDIENCE if the token is for this API."
        )
    issuer = context.claims.get("iss")
    if isinstance(issuer, str) and audience == issuer and issuer not in context.policy.issuers:
        return "The audience equals the issuer, as always in Better Auth. Fix the issuer first."
    for value in audience if isinstance(audience, list) else [audience]:
        if str(value).rstrip("/") in accepted:
            return (
                "The audiences differ by a trailing slash. Set AUTH_AUDIENCE to"
                f" {quoted(value, name='aud')}, as in the token."
            )
    if audience == issuer and context.signed_by_key_set and context.jwks_url:
        return (
            f"The audience is {shown}, but must be {expected}. Issuer and audience of Better Auth's"
            f" /token are its public address: set BETTER_AUTH_URL={shown[1:-1]} and"
            f" AUTH_JWKS_URL={context.jwks_url}, and unset AUTH_ISSUER and AUTH_AUDIENCE."
        )
    return (
        f"The audience is {shown}, but must be {expected}. If the token is for this API, add its"
        " audience to AUTH_AUDIENCE. (The audience of an ID token is a client: ID tokens are not"
        " for an API.)"
    )


def _resource_remedy(shown: str, expected: str, context: TokenContext) -> str:
    """Return the remedy for an OAuth access token with an audience that is not accepted."""
    if not context.has_resource:
        return "This is an OAuth access token: set AUTH_RESOURCE to its audience for this API."
    return (
        f"The access token is for the resource {shown}, but this API is {expected}. Let the client"
        f" request the `resource` {expected}. Or set AUTH_RESOURCE to the URL that the"
        " authorization server knows."
    )


def clock_remedy(_error: AuthError, context: TokenContext) -> str:
    """Return the remedy for a token that is not valid yet."""
    starts = [context.claims.get(name) for name in ("iat", "nbf")]
    ahead = max(start for start in starts if isinstance(start, int | float)) - context.now
    return (
        f"Your clock is {ahead:.0f} s behind the issuer's (here it is {utc(context.now)}), or the"
        " issuer's clock is ahead. Synchronize both (NTP). AUTH_LEEWAY tolerates small differences."
    )


def expiry_remedy(_error: AuthError, context: TokenContext) -> str:
    """Return the remedy for an expired token."""
    ago = context.now - context.claims["exp"]
    return (
        f"The token expired {ago:.0f} s ago. Fetch a new token before the old token expires; Better"
        " Auth's tokens last 15 minutes. (If the token is new, your clock is ahead: here it is"
        f" {utc(context.now)}.)"
    )


def _exceeds_max_lifetime(claim: str, context: TokenContext) -> bool:
    longest = context.policy.max_lifetime
    issued: Any = context.claims.get("iat")
    expires: Any = context.claims.get("exp")
    if claim != "exp" or longest is None or {type(issued), type(expires)} - {int, float}:
        return False
    return bool(expires - issued > longest)


def without_slashes(urls: frozenset[str]) -> set[str]:
    """Return URLs without the slashes at their ends."""
    return {url.rstrip("/") for url in urls}


def _without_scheme(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return url
