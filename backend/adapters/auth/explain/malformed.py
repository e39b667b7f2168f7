"""Remedies for text that is not a JWS. The form of the text shows the mistake of the client."""

import re
from typing import Final

from backend.adapters.auth.explain.context import OFF
from backend.adapters.auth.explain.cookies import (
    COMPACT_COOKIE,
    JWE,
    SEND_JWT,
    session_cookie_remedy,
)
from backend.adapters.auth.jose.jws import TOKEN_MAX_LENGTH

_THREE_SEGMENTS: Final = r"[\w+/=-]+\.[\w+/=-]+\.[\w+/=-]+"

_LONG: Final = 8000  # characters; nginx accepts 8 KiB for a whole header line
FEWER_CLAIMS: Final = (
    "Put fewer claims into the token, above all no pictures: see `definePayload` in Better Auth's"
    " plugin `jwt`."
)
FEWER_OIDC_CLAIMS: Final = (
    "Let the issuer put fewer claims into the token, above all fewer roles and groups."
)

_PLACEHOLDER: Final = (
    r"undefined|null|NaN|\[object \w+\]|\$\{?\w*\}?|<.*>|None",
    "The client sent this placeholder because it had no token yet. Let it wait for the token.",
)
_WHITESPACE: Final = (
    r".*\s.*|[\"'].*|.*[\"']",
    "Send only the token: no `Bearer`, no quotes, no whitespace.",
)
_OPAQUE: Final = r"[\x21-\x2d\x2f-\x7e]+"  # no dot
_CHANGED: Final = (
    _THREE_SEGMENTS,
    (
        "This looks like a JWT, but it was changed, or its parts are not JSON in base64url"
        " without padding. Send the token exactly as it was issued."
    ),
)
_NOT_A_SESSION: Final = (
    f"{SEND_JWT} To accept session tokens, set AUTH_SESSION_TOKENS=get-session: see"
    " docs/revocation.md."
)
_CUT_SHORT: Final = "This was cut short, or is not a JWT. Send the whole token."

_BETTER_AUTH: Final[tuple[tuple[str, str], ...]] = (
    _PLACEHOLDER,
    (
        r"\{.*",
        "This is a whole JSON response. Send only the value of its member `token`, without quotes.",
    ),
    (
        r"(__Secure-)?better-auth[\w.-]*=.*",
        f"This is a cookie, not a JWT. {SEND_JWT}",
    ),
    _WHITESPACE,
    (
        r"[A-Za-z0-9]{32}",
        (
            "This is a session token of Better Auth, or an OAuth access token that its client"
            f" requested without `resource`. {_NOT_A_SESSION}"
        ),
    ),
    (
        r"[A-Za-z0-9]{32}\.[A-Za-z0-9+/=%_-]{40,}",
        (
            "This is a session token of Better Auth, from its cookie or for its plugin `bearer`."
            f" {_NOT_A_SESSION}"
        ),
    ),
    (
        _OPAQUE,
        (
            "This is an opaque token, which only its issuer can read. OAuth access tokens of Better"
            f" Auth are JWTs only if the client requests a `resource`. {SEND_JWT}"
        ),
    ),
    _CHANGED,
)
_OIDC: Final[tuple[tuple[str, str], ...]] = (
    _PLACEHOLDER,
    (
        r"\{.*",
        (
            "This is a whole JSON response. Send only the value of its member `access_token`,"
            " without quotes."
        ),
    ),
    _WHITESPACE,
    (
        JWE.pattern,
        "This token is encrypted. Let the issuer sign access tokens without encrypting them.",
    ),
    (
        _OPAQUE,
        (
            "This is an opaque token, which only its issuer can read. Request an access token for"
            " this API: many issuers make a JWT only if the client names an audience or resource."
        ),
    ),
    _CHANGED,
)


def malformed_token_remedy(
    token: str, cookie_strategy: str = OFF, *, max_length: int = TOKEN_MAX_LENGTH
) -> str:
    """Return the remedy for text that is not a JWS.

    Args:
        token: The text that was sent as a token.
        cookie_strategy: The accepted strategy of session cookies, or `off`.
        max_length: The maximum number of characters of a token.
    """
    if not token.isascii():
        return "Tokens have only ASCII characters. Send exactly the text that Better Auth issued."
    if COMPACT_COOKIE.fullmatch(token):
        return session_cookie_remedy("compact", cookie_strategy)
    if JWE.fullmatch(token):
        remedy = session_cookie_remedy("jwe", cookie_strategy)
        return f"This is encrypted, as session cookies of the strategy jwe are. {remedy}"
    if len(token) > max_length and re.fullmatch(_THREE_SEGMENTS, token, re.ASCII):
        return f"{FEWER_CLAIMS} Or raise AUTH_TOKEN_MAX_BYTES, which is {max_length} here."
    return _first(_BETTER_AUTH, token)


def malformed_oidc_remedy(
    token: str, _cookie_strategy: str = OFF, *, max_length: int = TOKEN_MAX_LENGTH
) -> str:
    """Return the remedy for text that is not a JWS, if the provider is an OpenID Connect issuer.

    Args:
        token: The text that was sent as a token.
        max_length: The maximum number of characters of a token.
    """
    if not token.isascii():
        return "Tokens have only ASCII characters. Send exactly the text that the issuer made."
    if len(token) > max_length and re.fullmatch(_THREE_SEGMENTS, token, re.ASCII):
        return f"{FEWER_OIDC_CLAIMS} Or raise AUTH_TOKEN_MAX_BYTES, which is {max_length} here."
    return _first(_OIDC, token)


def long_token_remedy(
    token: str, *, max_length: int, fewer_claims: str = FEWER_CLAIMS
) -> str | None:
    """Return advice about a token that is accepted, but long; None for a short token.

    Args:
        token: A token in the format of a JWS.
        max_length: The maximum number of characters of a token.
        fewer_claims: How to make tokens shorter.
    """
    if len(token) <= _LONG:
        return None
    return (
        f"Many proxies refuse headers over 8 KiB. {fewer_claims} AUTH_TOKEN_MAX_BYTES is"
        f" {max_length} here."
    )


def _first(remedies: tuple[tuple[str, str], ...], token: str) -> str:
    for pattern, remedy in remedies:
        if re.fullmatch(pattern, token, re.ASCII | re.DOTALL):
            return remedy
    return _CUT_SHORT
