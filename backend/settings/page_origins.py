"""Checks origins that may call the API: of web pages, of apps and of browser extensions."""

import re
from difflib import get_close_matches
from typing import Final

from backend.settings.origins import canonical_host, canonical_url

_ORIGIN: Final = re.compile(
    r"((?ai:[a-z][a-z0-9+.-]*))://(\[[^\[\]]*\]|[^\[\]/?#@:\\]+)(?::[0-9]{1,5})?"
)
_WEB: Final = frozenset({"http", "https"})
# Schemes that no page has, so they are mistakes: browsers send the origin of the page.
_NO_PAGES: Final = frozenset({"ftp", "ws", "wss"})
_DEFAULT_PORT: Final = re.compile(r"http:.*:80|https:.*:443")


def canonical_page_origin(origin: str) -> str:
    """Return an origin in the format of the `Origin` header; `*` means any origin.

    Raises:
        ValueError: The text is not an origin, or no browser writes it so.
    """
    if origin == "*":
        return origin
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise ValueError("an origin has only a scheme, a host and a port")
    scheme = match[1].lower()
    # Apps and browser extensions have schemes of their own, such as capacitor or moz-extension.
    if scheme in _NO_PAGES or (scheme not in _WEB and get_close_matches(scheme, _WEB)):
        raise ValueError(f"no page has an origin with the scheme {match[1]}")
    if scheme in _WEB:
        if origin != origin.lower() or _DEFAULT_PORT.fullmatch(origin):
            raise ValueError("browsers send origins in lower case and without :80 and :443")
        return canonical_url(origin)
    if match[1] != scheme or canonical_host(match[2]) != match[2].lower():
        raise ValueError("browsers send the scheme in lower case, and a host in ASCII")
    return origin
