"""Remedies for a key set that cannot be fetched or read, for each provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import VerifierUnavailableError

_CERTIFICATE: Final = (
    "The TLS certificate is not trusted here. Fix it, or set SSL_CERT_FILE to your CA's"
    " certificate."
)
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRemedies:
    """The remedies for a key set that cannot be fetched or read, for a provider.

    Attributes:
        by_kind: The remedy for each kind of failure.
        by_status: The remedy for each status code that has its own remedy.
        server_failure: The remedy for the status codes from 500.
    """

    by_kind: Mapping[FetchErrorKind, str]
    by_status: Mapping[int, str]
    server_failure: str

    def remedy(self, error: FetchError) -> str:
        """Return the remedy for a key set that cannot be fetched or read."""
        if error.kind is FetchErrorKind.STATUS and error.status is not None:
            if error.status >= _SERVER_ERROR:
                return self.server_failure
            return self.by_status.get(error.status, self.by_kind[error.kind])
        return self.by_kind[error.kind]

    def outage_remedy(self, error: VerifierUnavailableError) -> str:
        """Return the remedy for unavailable keys, by the failed fetch that is the cause."""
        cause = error.__cause__
        if isinstance(cause, FetchError):
            return self.remedy(cause)
        return self.by_kind[FetchErrorKind.UNREACHABLE]


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
_EMPTY: Final = "Fetch a token from Better Auth's /api/auth/token: that creates the first key."

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

BETTER_AUTH: Final = FetchRemedies(
    by_status={
        401: _LOGIN,
        403: _LOGIN,
        404: _NOT_FOUND,
        429: _RATE_LIMIT,
    },
    by_kind={
        FetchErrorKind.UNREACHABLE: _UNREACHABLE,
        FetchErrorKind.TIMEOUT: (
            "The issuer is too slow, or a firewall blocks the connection, or this server cannot"
            f" reach the address. {_OTHER_ADDRESS}"
        ),
        FetchErrorKind.CERTIFICATE: _CERTIFICATE,
        FetchErrorKind.TLS: _SCHEME,
        FetchErrorKind.NOT_HTTP: _SCHEME,
        FetchErrorKind.REDIRECT: (
            "The server redirects, and redirects are not followed. Set BETTER_AUTH_URL (or"
            " AUTH_JWKS_URL) to the final address: https instead of http, with or without www."
        ),
        FetchErrorKind.STATUS: _UNREACHABLE,
        FetchErrorKind.COMPRESSED: (
            "A proxy in front of Better Auth compresses every response. Turn compression off for"
            " this path, or set AUTH_JWKS_URL to an address behind the proxy."
        ),
        FetchErrorKind.TOO_LARGE: _NOT_A_KEY_SET,
        FetchErrorKind.NOT_A_KEY_SET: _NOT_A_KEY_SET,
        FetchErrorKind.NOT_METADATA: _NOT_A_KEY_SET,
        FetchErrorKind.NO_USABLE_KEY: (
            "Configure Better Auth to create keys for EdDSA, ES256, ES512, RS256 or PS256 (plugin"
            " `jwt`, `jwks.keyPairConfig.alg`). Or fix BETTER_AUTH_URL, if it is another server's."
        ),
        FetchErrorKind.EMPTY: _EMPTY,
        FetchErrorKind.UNEXPECTED: _UNREACHABLE,
    },
    server_failure=_SERVER_FAILURE,
)

_FIX_ISSUER: Final = (
    "Set OIDC_ISSUER to exactly the issuer of the provider, or set AUTH_JWKS_URL to the URL of its"
    " key set."
)
_OIDC_UNREACHABLE: Final = (
    "The host or port of OIDC_ISSUER is wrong, or cannot be reached from here. Inside a container,"
    " localhost is the container itself. If this server reaches the issuer under another address,"
    " keep OIDC_ISSUER and set AUTH_JWKS_URL. Proxies in HTTP_PROXY and HTTPS_PROXY are used."
)
_OIDC_LOGIN: Final = (
    "The metadata and the key set are public, but a proxy in front of them requires a login. Let"
    " requests for them through, or set AUTH_JWKS_URL to an address behind the proxy."
)
_OIDC_SCHEME: Final = (
    "The server does not speak HTTP, or only one side uses HTTPS. Fix the scheme and the port of"
    " OIDC_ISSUER."
)

OIDC: Final = FetchRemedies(
    by_status={
        401: _OIDC_LOGIN,
        403: _OIDC_LOGIN,
        404: (
            "There is no such document. The metadata are at OIDC_ISSUER followed by"
            f" /.well-known/openid-configuration. {_FIX_ISSUER}"
        ),
        429: "This server exceeds the rate limit of the issuer. Wait, or raise AUTH_JWKS_MAX_AGE.",
    },
    by_kind={
        FetchErrorKind.UNREACHABLE: _OIDC_UNREACHABLE,
        FetchErrorKind.TIMEOUT: (
            "The issuer is too slow, or a firewall blocks the connection, or this server cannot"
            " reach the address."
        ),
        FetchErrorKind.CERTIFICATE: _CERTIFICATE,
        FetchErrorKind.TLS: _OIDC_SCHEME,
        FetchErrorKind.NOT_HTTP: _OIDC_SCHEME,
        FetchErrorKind.REDIRECT: (
            "The server redirects, and redirects are not followed. Set OIDC_ISSUER (or"
            " AUTH_JWKS_URL) to the final address: https instead of http, with or without www."
        ),
        FetchErrorKind.STATUS: _OIDC_UNREACHABLE,
        FetchErrorKind.COMPRESSED: (
            "The server compresses every response. Turn compression off for the metadata and the"
            " key set, or set AUTH_JWKS_URL to an address without compression."
        ),
        FetchErrorKind.TOO_LARGE: f"The response is too large for this document. {_FIX_ISSUER}",
        FetchErrorKind.NOT_A_KEY_SET: (
            f"The response is not a key set; it may be a web page. {_FIX_ISSUER}"
        ),
        FetchErrorKind.NOT_METADATA: (
            "The response is not the metadata of this issuer; it may be a web page, or a trailing"
            f" slash differs. {_FIX_ISSUER}"
        ),
        FetchErrorKind.NO_USABLE_KEY: (
            "Let the issuer sign with EdDSA, ES256, ES384, ES512, RS256 or PS256, with RSA keys of"
            " at least 2048 bits."
        ),
        FetchErrorKind.EMPTY: "Create a signing key at the issuer.",
        FetchErrorKind.UNEXPECTED: _OIDC_UNREACHABLE,
    },
    server_failure="The issuer or the proxy in front of it fails. See its status page or its log.",
)
