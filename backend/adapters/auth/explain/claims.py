"""What to do about claims that do not hold."""

from typing import Final
from urllib.parse import urlsplit

from backend.adapters.auth.better_auth.tokens import BASE_PATH
from backend.adapters.auth.explain.redaction import quoted
from backend.adapters.auth.explain.situation import Situation, iso, one_of
from backend.domain.auth import AuthError, MissingClaimError

FETCH_ONE: Final = (
    "Fetch a JWT from Better Auth's /api/auth/token (its plugin `jwt`), and send that."
)

_MILLISECONDS: Final = 10**11  # in seconds, the year 5138


def of_missing(error: MissingClaimError, situation: Situation) -> str:
    """Return what to do about a claim that is not there."""
    claims = situation.claims
    if error.claim == "sub" and "email" in claims:
        return (
            "This is from a link that was mailed to somebody: it verifies an address, and logs"
            f" nobody in. {FETCH_ONE}"
        )
    if error.claim == "iat":
        return "AUTH_MAX_LIFETIME needs `iat`. Whoever issues the token has to put it in."
    variable = {"iss": "AUTH_ISSUER", "aud": "AUTH_AUDIENCE"}.get(error.claim)
    remedy = f"Whoever issues the token has to put `{error.claim}` in, as Better Auth's /token does"
    if variable is None:
        return f"{remedy}."
    return f"{remedy}. It must be there because BETTER_AUTH_URL or {variable} says what it is."


def of_invalid(_error: AuthError, situation: Situation) -> str | None:
    """Return what to do about a claim that is not what it ought to be."""
    claims, longest = situation.claims, situation.policy.max_lifetime
    times = [claims[name] for name in ("iat", "nbf", "exp") if name in claims]
    if any(isinstance(time, int | float) and time > _MILLISECONDS for time in times):
        return "Times are in seconds since 1970, not milliseconds: divide by 1000 where it is made."
    if any(isinstance(time, str) for time in times):
        return "Times are numbers, the seconds since 1970, and not texts: mend it where it is made."
    if not isinstance(claims.get("sub"), str):
        return "`sub` has to be a text: `String(user.id)` where it is made."
    if longest is not None and not any(isinstance(time, bool) for time in times):
        return f"AUTH_MAX_LIFETIME allows {longest:g} s. Issue shorter ones, or raise it."
    return "Whoever issues the token has to mend this; see `definePayload` of Better Auth."


def of_issuer(_error: AuthError, situation: Situation) -> str:
    """Return what to do about a token that someone else issued."""
    issuer, known = situation.claims.get("iss"), situation.policy.issuers
    if not isinstance(issuer, str):
        return "`iss` has to be a text: mend it where the token is made."
    said = quoted(issuer)[1:-1]
    if issuer.rstrip("/") in {one.rstrip("/") for one in known}:
        return f"They differ by a slash at the end: set AUTH_ISSUER={said}, as the token has it."
    if any(one.rstrip("/") == f"{issuer}{BASE_PATH}" for one in known):
        return (
            f"The tokens of Better Auth's /token name the origin alone, without {BASE_PATH}: unset"
            f" AUTH_ISSUER, or set AUTH_ISSUER={said}."
        )
    if issuer.rstrip("/").endswith(BASE_PATH):
        return (
            f"The issuer ends with {BASE_PATH}: this is an OAuth access token. To accept those, set"
            f" AUTH_ISSUER={said}, and AUTH_AUDIENCE to the `resource` that clients ask for."
        )
    if _without_scheme(issuer) in set(map(_without_scheme, known)):
        return (
            "They differ by http and https: make Better Auth's own baseURL, and BETTER_AUTH_URL"
            " here, the address that browsers see."
        )
    return (
        "Make BETTER_AUTH_URL here the very baseURL of Better Auth (localhost is not 127.0.0.1, and"
        " a port counts), or set AUTH_ISSUER if you trust this one."
    )


def of_audience(_error: AuthError, situation: Situation) -> str:
    """Return what to do about a token that is meant for someone else."""
    audience, known = situation.claims.get("aud"), situation.policy.audiences
    said = quoted(audience)
    if not known:
        return (
            f"The audience is {said}, but none is known here. Set BETTER_AUTH_URL if Better Auth"
            " issued this, or AUTH_AUDIENCE if this API is meant."
        )
    origin = situation.claims.get("iss")
    if isinstance(origin, str) and audience == origin and origin not in situation.policy.issuers:
        return "It goes with the issuer, as always in Better Auth's /token: mend that one first."
    values = audience if isinstance(audience, list) else [audience]
    if {str(value).rstrip("/") for value in values} & {one.rstrip("/") for one in known}:
        return f"They differ by a slash at the end: set AUTH_AUDIENCE to {said}, as the token has."
    return (
        f"The audience is {said}, and has to be {one_of(known)}. If this API is meant, set"
        " AUTH_AUDIENCE to it. (An id token names its client: that is not for an API.)"
    )


def of_clock(_error: AuthError, situation: Situation) -> str:
    """Return what to do about a token that is not valid yet."""
    starts = [situation.claims.get(name) for name in ("iat", "nbf")]
    ahead = max(start for start in starts if isinstance(start, int | float)) - situation.now
    return (
        f"Your clock is {ahead:.0f} s behind the issuer's (here it is {iso(situation.now)}), or"
        " that one is ahead: synchronise both (NTP). AUTH_LEEWAY is for what is left."
    )


def of_expiry(_error: AuthError, situation: Situation) -> str:
    """Return what to do about a token that has ended."""
    ago = situation.now - situation.claims["exp"]
    return (
        f"It ended {ago:.0f} s ago. Fetch a new one before the old one ends: those of Better Auth"
        f" last 15 minutes. (If it is new, your clock is ahead: here it is {iso(situation.now)}.)"
    )


def _without_scheme(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return url
