"""What to do about a key set that cannot be had."""

from collections.abc import Mapping
from typing import Final

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind

UNREACHABLE: Final = (
    "Start Better Auth, or mend BETTER_AUTH_URL (or AUTH_JWKS_URL): its host or port is"
    " wrong, or cannot be reached from here (HTTP_PROXY and HTTPS_PROXY are followed)."
)

_NOTHING_THERE: Final = (
    "Nothing is there. If Better Auth has another base path, put it into BETTER_AUTH_URL"
    " (https://app.example.com/its/path); if not, turn its plugin `jwt` on."
)
_LOGIN: Final = (
    "The key set is public, but something in front of it asks for a login. Let this path"
    " through, or set AUTH_JWKS_URL to an address behind it."
)
_RATE_LIMIT: Final = "It asks too often for Better Auth's rate limit. Wait, or raise that limit."
_FAILING: Final = "Better Auth fails, or the proxy in front of it. See their logs."
_SOMETHING_ELSE: Final = (
    "Something else answers there, such as a web page. Set BETTER_AUTH_URL to Better Auth's"
    " own base URL, with its base path if that is not /api/auth."
)
_SCHEME: Final = (
    "What answers there does not speak HTTP; or one side speaks HTTPS and the other does"
    " not. Mend the scheme and the port of BETTER_AUTH_URL."
)

_BY_STATUS: Final[Mapping[int, str]] = {
    401: _LOGIN,
    403: _LOGIN,
    404: _NOTHING_THERE,
    429: _RATE_LIMIT,
}
_BY_KIND: Final[Mapping[FetchErrorKind, str]] = {
    FetchErrorKind.REDIRECT: (
        "It redirects, which is never followed. Set BETTER_AUTH_URL (or AUTH_JWKS_URL) to where"
        " it leads: https instead of http, with or without www."
    ),
    FetchErrorKind.COMPRESSED: _SOMETHING_ELSE,
    FetchErrorKind.TOO_LARGE: _SOMETHING_ELSE,
    FetchErrorKind.NOT_A_KEY_SET: _SOMETHING_ELSE,
    FetchErrorKind.NO_USABLE_KEY: (
        "Let Better Auth make keys of EdDSA, ES256, ES512, RS256 or PS256 (plugin `jwt`,"
        " `jwks.keyPairConfig.alg`), or see whether BETTER_AUTH_URL is Better Auth's."
    ),
    FetchErrorKind.NOT_HTTP: _SCHEME,
    FetchErrorKind.TLS: _SCHEME,
    FetchErrorKind.CERTIFICATE: (
        "Its TLS certificate is not good here. Mend it, or set SSL_CERT_FILE to the authority's."
    ),
    FetchErrorKind.TIMEOUT: (
        "It is too slow, or a firewall is between. Set BETTER_AUTH_URL to one near."
    ),
}
_SERVER_ERROR: Final = 500


def of_fetch(error: FetchError) -> str:
    """Return what to do about a key set that cannot be had."""
    status = error.status or 0
    if error.kind is FetchErrorKind.STATUS:
        return _BY_STATUS.get(status, _FAILING if status >= _SERVER_ERROR else UNREACHABLE)
    return _BY_KIND.get(error.kind, UNREACHABLE)
