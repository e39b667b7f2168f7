"""Remedies for a key set that cannot be fetched or read."""

from collections.abc import Mapping
from typing import Final

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import VerifierUnavailableError

_OTHER_ADDRESS: Final = (
    "If this server reaches Better Auth under another address than browsers do, as in Docker, keep"
    " the public address in BETTER_AUTH_URL and set AUTH_JWKS_URL, for example"
    " AUTH_JWKS_URL=http://auth:3000/api/auth/jwks."
)

_UNREACHABLE: Final = (
    "Start Better Auth, or fix BETTER_AUTH_URL (or AUTH_JWKS_URL): the host or port is wrong, or"
    " cannot be reached from here. Inside a container, localhost is the container itself."
    f" {_OTHER_ADDRESS} Proxies in HTTP_PROXY and HTTPS_PROXY are used."
)
EMPTY: Final = "Fetch a token from Better Auth's /api/auth/token: that creates the first key."

_NOT_FOUND: Final = (
    "There is no key set at this path. If Better Auth has another base path, put it into"
    " BETTER_AUTH_URL (https://app.example.com/its/path). Otherwise enable its plugin `jwt`."
)
_LOGIN: Final = (
    "The key set is public, but a proxy in front of it requires a login. Let requests for this path"
    " through, or set AUTH_JWKS_URL to an address behind the proxy."
)
_RATE_LIMIT: Final = "This server exceeds Better Auth's rate limit. Wait, or raise the limit."
_SERVER_FAILURE: Final = "Better Auth or the proxy in front of it fails. See their logs."
_NOT_A_KEY_SET: Final = (
    "The response is not a key set; it may be a web page. Set BETTER_AUTH_URL to Better Auth's own"
    " base URL, with its base path if that is not /api/auth."
)
_SCHEME: Final = (
    "The server does not speak HTTP, or only one side uses HTTPS. Fix the scheme and the port of"
    " BETTER_AUTH_URL."
)

_SERVER_ERROR: Final = 500
_BY_STATUS: Final[Mapping[int, str]] = {
    401: _LOGIN,
    403: _LOGIN,
    404: _NOT_FOUND,
    429: _RATE_LIMIT,
}
_BY_KIND: Final[Mapping[FetchErrorKind, str]] = {
    FetchErrorKind.UNREACHABLE: _UNREACHABLE,
    FetchErrorKind.TIMEOUT: (
        "The issuer is too slow, or a firewall blocks the connection, or this server cannot reach"
        f" the address. {_OTHER_ADDRESS}"
    ),
    FetchErrorKind.CERTIFICATE: (
        "The TLS certificate is not trusted here. Fix it, or set SSL_CERT_FILE to your CA's"
        " certificate."
    ),
    FetchErrorKind.TLS: _SCHEME,
    FetchErrorKind.NOT_HTTP: _SCHEME,
    FetchErrorKind.REDIRECT: (
        "The server redirects, and redirects are not followed. Set BETTER_AUTH_URL (or"
        " AUTH_JWKS_URL) to the final address: https instead of http, with or without www."
    ),
    FetchErrorKind.STATUS: _UNREACHABLE,
    FetchErrorKind.COMPRESSED: (
        "A proxy in front of Better Auth compresses every response. Turn compression off for this"
        " path, or set AUTH_JWKS_URL to an address behind the proxy."
    ),
    FetchErrorKind.TOO_LARGE: _NOT_A_KEY_SET,
    FetchErrorKind.NOT_A_KEY_SET: _NOT_A_KEY_SET,
    FetchErrorKind.NO_USABLE_KEY: (
        "Configure Better Auth to create keys for EdDSA, ES256, ES512, RS256 or PS256 (plugin"
        " `jwt`, `jwks.keyPairConfig.alg`). Or fix BETTER_AUTH_URL, if it is another server's."
    ),
    FetchErrorKind.EMPTY: EMPTY,
    FetchErrorKind.UNEXPECTED: _UNREACHABLE,
}


def outage_remedy(error: VerifierUnavailableError) -> str:
    """Return the remedy for keys that are unavailable, by the failed fetch that is the cause."""
    cause = error.__cause__
    return fetch_remedy(cause) if isinstance(cause, FetchError) else _UNREACHABLE


def fetch_remedy(error: FetchError) -> str:
    """Return the remedy for a key set that cannot be fetched or read."""
    if error.kind is FetchErrorKind.STATUS and error.status is not None:
        if error.status >= _SERVER_ERROR:
            return _SERVER_FAILURE
        return _BY_STATUS.get(error.status, _UNREACHABLE)
    return _BY_KIND[error.kind]
