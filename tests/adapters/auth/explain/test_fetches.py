"""Every failure to fetch the key set has a remedy."""

import pytest

from backend.adapters.auth.explain.fetches import BETTER_AUTH
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from tests.adapters.auth.issuer import http_error


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "base path"),
        (401, "requires a login"),
        (403, "requires a login"),
        (429, "rate limit"),
        (500, "proxy"),
        (503, "proxy"),
        (204, "Start Better Auth"),
        (418, "Start Better Auth"),
    ],
)
def test_every_status_of_a_failed_fetch_has_a_remedy(status: int, words: str) -> None:
    assert words in BETTER_AUTH.remedy(http_error(status))


REMEDIES = {
    FetchErrorKind.REDIRECT: "redirects",
    FetchErrorKind.STATUS: "Start Better Auth",
    FetchErrorKind.NOT_A_KEY_SET: "web page",
    FetchErrorKind.COMPRESSED: "compression off",
    FetchErrorKind.TOO_LARGE: "not a key set",
    FetchErrorKind.NOT_METADATA: "web page",
    FetchErrorKind.NO_USABLE_KEY: "keyPairConfig",
    FetchErrorKind.EMPTY: "/api/auth/token",
    FetchErrorKind.TIMEOUT: "firewall",
    FetchErrorKind.NOT_HTTP: "scheme and the port",
    FetchErrorKind.TLS: "scheme and the port",
    FetchErrorKind.CERTIFICATE: "SSL_CERT_FILE",
    FetchErrorKind.UNREACHABLE: "Start Better Auth",
    FetchErrorKind.UNEXPECTED: "Start Better Auth",
}


@pytest.mark.parametrize("kind", [FetchErrorKind.UNREACHABLE, FetchErrorKind.TIMEOUT])
def test_an_issuer_that_cannot_be_reached_may_have_an_internal_address(
    kind: FetchErrorKind,
) -> None:
    remedy = BETTER_AUTH.remedy(FetchError("the message does not matter", kind=kind))
    assert "keep the public address in BETTER_AUTH_URL and set AUTH_JWKS_URL" in remedy


@pytest.mark.parametrize("kind", FetchErrorKind)
def test_every_kind_of_failed_fetch_has_a_remedy(kind: FetchErrorKind) -> None:
    assert REMEDIES[kind] in BETTER_AUTH.remedy(
        FetchError("the message does not matter", kind=kind)
    )
