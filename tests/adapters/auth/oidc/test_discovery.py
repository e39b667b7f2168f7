"""Discovery: the metadata of an issuer name its key set, and may lie, change or be huge."""

import json
import logging
from typing import Any

import pytest

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.oidc.discovery import (
    MAX_AGE,
    DiscoveredKeySet,
    metadata_url,
    read_jwks_uri,
)
from backend.domain.auth import UnknownKeyError, VerifierUnavailableError
from backend.testing.signers import key_set, signer
from tests.adapters.auth.clock import Clock
from tests.adapters.auth.issuer import http_error

ISSUER = "https://id.example.com"
METADATA_URL = f"{ISSUER}/.well-known/openid-configuration"
KEYS_URL = "https://keys.example.net/set?p=1"
KEYS = key_set(signer("RS256"))

pytestmark = pytest.mark.anyio


def metadata(**changes: Any) -> bytes:
    return json.dumps({"issuer": ISSUER, "jwks_uri": KEYS_URL, **changes}).encode()


class Site:
    """Documents at their URLs, and the URLs that were requested. An error is raised instead."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes | FetchError] = {METADATA_URL: metadata(), KEYS_URL: KEYS}
        self.requests: list[str] = []

    async def fetch(self, url: str) -> bytes:
        self.requests.append(url)
        document = self.documents.get(url, http_error(404))
        if isinstance(document, FetchError):
            raise document
        return document

    def requested(self) -> list[str]:
        """Return the requested URLs since the last call."""
        requests, self.requests = self.requests, []
        return requests


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def discovered(site: Site, clock: Clock) -> DiscoveredKeySet:
    return DiscoveredKeySet(site.fetch, ISSUER, clock=clock)


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        (ISSUER, METADATA_URL),
        (f"{ISSUER}/", METADATA_URL),
        (f"{ISSUER}/realms/a", f"{ISSUER}/realms/a/.well-known/openid-configuration"),
        (f"{ISSUER}/realms/a/", f"{ISSUER}/realms/a/.well-known/openid-configuration"),
    ],
)
def test_the_metadata_are_below_the_issuer(issuer: str, url: str) -> None:
    assert metadata_url(issuer) == url


@pytest.mark.parametrize(
    "issuer",
    [
        f"{ISSUER}/",
        "https://ID.example.com",
        "http://id.example.com",
        "https://id.example.com:443",
        "https://evil.example.com",
        "https://\u0456d.example.com",  # a Cyrillic letter
        f" {ISSUER}",
        [ISSUER],
        None,
        "",
    ],
)
def test_metadata_of_another_issuer_are_refused(issuer: object) -> None:
    with pytest.raises(FetchError, match="character by character") as caught:
        read_jwks_uri(metadata(issuer=issuer), ISSUER)
    assert caught.value.kind is FetchErrorKind.NOT_METADATA
    assert "evil" not in str(caught.value)


def test_an_issuer_with_a_slash_needs_metadata_with_a_slash() -> None:
    assert read_jwks_uri(metadata(issuer=f"{ISSUER}/"), f"{ISSUER}/") == KEYS_URL
    with pytest.raises(FetchError):
        read_jwks_uri(metadata(), f"{ISSUER}/")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"<!doctype html>",
        b'{"issuer":"https://id.example.com"',
        metadata()[:-1] + b',"issuer":"https://id.example.com"}',
        metadata()[:-1] + b',"jwks_uri":"https://evil.example.com/keys"}',
        b'{"jwks_uri":"https://evil.example.com/keys",' + metadata()[1:],
        metadata(more="\ud800"),
        metadata().decode().encode("utf-16"),
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
def test_metadata_that_two_readers_could_read_differently_are_refused(document: bytes) -> None:
    with pytest.raises(FetchError) as caught:
        read_jwks_uri(document, ISSUER)
    assert caught.value.kind is FetchErrorKind.NOT_METADATA


def test_a_byte_order_mark_at_the_beginning_is_ignored() -> None:
    assert read_jwks_uri(b"\xef\xbb\xbf" + metadata(), ISSUER) == KEYS_URL


@pytest.mark.parametrize(
    "url",
    [
        None,
        1,
        [KEYS_URL],
        "",
        "/keys",
        "//keys.example.net",
        "https:///keys",
        "https://",
        "http://keys.example.net",
        "http://id.example.com/keys",  # a downgrade
        "HTTP://id.example.com/keys",
        "file:///etc/passwd",
        "ftp://id.example.com/keys",
        "data:application/json,{}",
        "https://user:password@id.example.com/keys",
        "https://id.example.com\\@evil.example.com/keys",
        "https://id.example.com/a b",
        "https://id.example.com/\r\nHost: evil",
        "https://id.example.com/#fragment",
        "https://[::1",
        "https://id.example.com:http/keys",
        "https://id.example.com:65536/keys",
        "https://\u0456d.example.com/keys",
        "https://id.example.com/" + "a" * 2048,
    ],
)
def test_a_key_set_is_not_fetched_from_an_unsafe_url(url: object) -> None:
    with pytest.raises(FetchError, match="jwks_uri") as caught:
        read_jwks_uri(metadata(jwks_uri=url), ISSUER)
    assert caught.value.kind is FetchErrorKind.NOT_METADATA


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("http://localhost:8080/keys", True),
        ("http://localhost:8081/keys", False),
        ("http://127.0.0.1:8080/keys", False),
        ("https://localhost:8080/keys", False),
        ("https://keys.example.net/keys", False),
        ("http://169.254.169.254/latest", False),
    ],
)
def test_an_issuer_on_plain_http_publishes_its_keys_at_its_own_origin(
    url: str, accepted: bool
) -> None:
    issuer = "http://localhost:8080"
    document = metadata(issuer=issuer, jwks_uri=url)
    if accepted:
        assert read_jwks_uri(document, issuer) == url
    else:
        with pytest.raises(FetchError, match="origin of the issuer"):
            read_jwks_uri(document, issuer)


async def test_the_metadata_are_remembered_for_an_hour(
    site: Site, clock: Clock, discovered: DiscoveredKeySet
) -> None:
    assert await discovered() == KEYS
    assert site.requested() == [METADATA_URL, KEYS_URL]
    for _ in range(11):  # as often as keys are refreshed by default
        await clock.advance(300)
        assert await discovered() == KEYS
        assert site.requested() == [KEYS_URL]
    await clock.advance(MAX_AGE - 11 * 300)
    await discovered()
    assert site.requested() == [METADATA_URL, KEYS_URL]


@pytest.mark.parametrize(
    "document", [http_error(404), b"<!doctype html>", key_set(signer("RS256").jwk(alg="none"))]
)
async def test_the_metadata_are_fetched_again_after_a_failure(
    site: Site, discovered: DiscoveredKeySet, document: bytes | FetchError
) -> None:
    await discovered()
    site.documents[KEYS_URL] = document
    with pytest.raises(FetchError, match=r"from https://keys\.example\.net/set") as caught:
        await discovered()
    kinds = {FetchErrorKind.STATUS, FetchErrorKind.NOT_A_KEY_SET, FetchErrorKind.NO_USABLE_KEY}
    assert caught.value.kind in kinds
    site.documents |= {METADATA_URL: metadata(jwks_uri=f"{ISSUER}/new"), f"{ISSUER}/new": KEYS}
    site.requested()
    assert await discovered() == KEYS
    assert site.requested() == [METADATA_URL, f"{ISSUER}/new"]


async def test_a_failure_keeps_its_status_and_the_time_to_wait(
    site: Site, discovered: DiscoveredKeySet
) -> None:
    site.documents[KEYS_URL] = http_error(429, retry_after=30)
    with pytest.raises(FetchError) as caught:
        await discovered()
    assert (caught.value.status, caught.value.retry_after) == (429, 30)


async def test_a_new_url_of_the_key_set_is_logged_once(
    site: Site, clock: Clock, discovered: DiscoveredKeySet, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await discovered()
    await clock.advance(MAX_AGE)
    await discovered()
    assert [record.getMessage() for record in caplog.records] == [
        f"the keys of {ISSUER} are at {KEYS_URL}"
    ]


async def test_keys_stay_usable_while_the_metadata_are_wrong_but_not_forever(
    site: Site, clock: Clock, discovered: DiscoveredKeySet
) -> None:
    async with JwksKeys(discovered, source=METADATA_URL, clock=clock, sleep=clock.sleep) as keys:
        await clock.advance(0)
        await keys.check()
        site.documents[METADATA_URL] = metadata(issuer="https://evil.example.com")
        await clock.advance(MAX_AGE + 600)
        assert keys.known("RS256", "key-1")
        assert keys.state().error is not None
        await clock.advance(MAX_AGE)
        assert not keys.known("RS256", "key-1")
        with pytest.raises(VerifierUnavailableError):
            await keys.check()


async def test_a_key_id_that_the_issuer_does_not_publish_is_unknown(
    clock: Clock, discovered: DiscoveredKeySet
) -> None:
    async with JwksKeys(discovered, clock=clock, sleep=clock.sleep) as keys:
        await clock.advance(0)
        await keys.check()
        await clock.advance(60)
        with pytest.raises(UnknownKeyError):
            await keys.find("RS256", "key-of-another-issuer")
