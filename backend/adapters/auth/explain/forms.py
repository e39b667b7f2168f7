"""What to do about something that is no JWS: what else it may be, by its looks."""

import re
from typing import Final

from backend.adapters.auth.explain.claims import FETCH_ONE
from backend.adapters.auth.explain.cookies import as_cookie
from backend.adapters.auth.explain.situation import OFF

_FORMS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"undefined|null|NaN|\[object \w+\]|\$\{?\w*\}?|<.*>|None",
        "The client sent this word in a token's place: it had none yet. Wait until it has one.",
    ),
    (
        r"\{.*",
        "This is a whole JSON answer. Send its member `token` alone, without quotes.",
    ),
    (
        r"(__Secure-)?better-auth[\w.-]*=.*",
        f"This is a cookie, and no JWT. {FETCH_ONE}",
    ),
    (
        r".*\s.*|[\"'].*|.*[\"']",
        "Send the token alone: no `Bearer`, no quotes, no white space around it or in it.",
    ),
    (
        r"[A-Za-z0-9]{32}(\.[A-Za-z0-9+/=%_-]{40,})?",
        f"This is a session token of Better Auth's (cookie, or plugin `bearer`). {FETCH_ONE}",
    ),
    (
        r"[\x21-\x2d\x2f-\x7e]+",  # no dot
        (
            "This is an opaque token, which only its issuer can read. An OAuth access token of"
            f" Better Auth's is a JWT only if the client asked for a `resource`. {FETCH_ONE}"
        ),
    ),
    (
        r"[\w+/=-]+\.[\w+/=-]+\.[\w+/=-]+",
        (
            "It looks like a JWT, but was changed on its way, or is not encoded as one: base64url"
            " without padding, and JSON in it. Send it as it was issued."
        ),
    ),
)


_COMPACT: Final = re.compile(r"eyJzZXNzaW9uIjp7.*", re.DOTALL)  # {"session":{
_ENCRYPTED: Final = re.compile(r"([\w-]*\.){4}[\w-]*", re.ASCII)


def of_form(token: str, cookies: str = OFF) -> str:
    """Return what to do about something that is no JWS.

    Args:
        token: What was sent.
        cookies: The strategy of the session cookies that are accepted, or `off`.
    """
    if not token.isascii():
        return "No token has such characters. Send the text that Better Auth issued, and only that."
    if _COMPACT.fullmatch(token):
        return as_cookie("compact", cookies)
    if _ENCRYPTED.fullmatch(token):
        return f"This is encrypted, as cookies of the strategy jwe are. {as_cookie('jwe', cookies)}"
    for form, remedy in _FORMS:
        if re.fullmatch(form, token, re.ASCII | re.DOTALL):
            return remedy
    return "This was cut short, or never was a JWT. Send the whole token."
