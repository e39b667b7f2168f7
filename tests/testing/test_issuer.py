"""The issuer of the kit: it rotates and withdraws keys, fails, hangs, recovers and ends."""

import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import RemoteDisconnected
from threading import Thread

import pytest

from backend.domain.auth import UnknownKeyError, VerifierUnavailableError
from backend.settings.authentication import AuthSettings
from backend.testing import Issuer
from backend.testing.key_server import JWKS_PATH
from tests.testing.verifiers import bearer_verifier

pytestmark = pytest.mark.anyio

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

FAILURES: list[Callable[[Issuer], None]] = [
    lambda issuer: issuer.fail(),
    lambda issuer: issuer.fail(429, headers={"Retry-After": "30"}),
    lambda issuer: issuer.send_garbage(),
    lambda issuer: issuer.send_oversized(),
    lambda issuer: issuer.close(),
]


def get(url: str) -> bytes:
    with DIRECT.open(url, timeout=10) as response:
        body: bytes = response.read()
    return body


async def test_a_new_key_is_accepted_at_once_and_old_keys_still_are(issuer: Issuer) -> None:
    old = issuer.token(sub="ada")
    async with bearer_verifier(issuer) as verifier:
        assert (await verifier.verify(old)).user_id == "ada"
        issuer.rotate("RS256")
        assert issuer.signer.algorithm == "RS256"
        assert (await verifier.verify(issuer.token(sub="bob"))).user_id == "bob"
        assert (await verifier.verify(old)).user_id == "ada"
    assert issuer.fetches == 2


async def test_a_withdrawn_key_is_unknown_to_an_api_that_starts_later(issuer: Issuer) -> None:
    old = issuer.token()
    issuer.rotate()
    issuer.withdraw()
    async with bearer_verifier(issuer) as verifier:
        assert await verifier.verify(issuer.token())
        with pytest.raises(UnknownKeyError):
            await verifier.verify(old)


async def test_an_api_that_knows_the_keys_survives_an_outage(issuer: Issuer) -> None:
    async with bearer_verifier(issuer) as verifier:
        assert await verifier.verify(issuer.token())
        issuer.fail()
        assert await verifier.verify(issuer.token(sub="bob"))


@pytest.mark.parametrize("fail", FAILURES)
async def test_an_api_without_keys_cannot_decide(
    issuer: Issuer, fail: Callable[[Issuer], None]
) -> None:
    token = issuer.token()
    fail(issuer)
    async with bearer_verifier(issuer) as verifier:
        with pytest.raises(VerifierUnavailableError):
            await verifier.verify(token)


async def test_an_api_finds_the_keys_after_the_issuer_has_recovered(issuer: Issuer) -> None:
    issuer.fail()
    async with bearer_verifier(issuer) as verifier:
        with pytest.raises(VerifierUnavailableError):
            await verifier.verify(issuer.token())
    issuer.recover()
    async with bearer_verifier(issuer) as verifier:
        assert await verifier.verify(issuer.token())


@pytest.mark.parametrize("end", [Issuer.recover, Issuer.close])
def test_a_request_hangs_until_the_issuer_recovers_or_ends(
    issuer: Issuer, end: Callable[[Issuer], None]
) -> None:
    issuer.hang()
    errors: list[Exception] = []

    def request() -> None:
        try:
            get(issuer.url + JWKS_PATH)
        except Exception as error:  # noqa: BLE001 - the test checks its class
            errors.append(error)

    client = Thread(target=request, daemon=True)
    client.start()
    deadline = time.monotonic() + 10
    while not issuer.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    assert issuer.requests == [JWKS_PATH]
    assert client.is_alive()
    end(issuer)
    client.join(10)
    assert [type(error) for error in errors] == [RemoteDisconnected]


def test_a_client_may_leave_before_the_end_of_a_large_response(issuer: Issuer) -> None:
    issuer.fail(200, body=bytes(50_000_000))
    address = issuer.url.removeprefix("http://").partition(":")
    with socket.create_connection((address[0], int(address[2])), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.0 200 OK"
    issuer.recover()
    assert b'"keys"' in get(issuer.url + JWKS_PATH)


def test_only_the_key_set_is_served(issuer: Issuer) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{issuer.url}/api/auth/session")
    with caught.value as error:
        assert error.code == 404
    assert (issuer.fetches, issuer.requests) == (0, ["/api/auth/session"])


def test_an_ended_issuer_refuses_connections() -> None:
    with Issuer() as issuer:
        assert get(issuer.url + JWKS_PATH)
    with pytest.raises(urllib.error.URLError):
        get(issuer.url + JWKS_PATH)


def test_an_issuer_that_was_not_started_can_be_ended() -> None:
    Issuer().close()


def test_two_issuers_have_different_keys_and_ports(issuer: Issuer) -> None:
    with Issuer() as other:
        assert other.url != issuer.url
        assert other.signer.public != issuer.signer.public


def test_the_settings_contain_the_secret_if_cookies_are_accepted(issuer: Issuer) -> None:
    assert issuer.settings().secrets == ()
    assert issuer.settings(auth_cookie="jwe").secrets == (issuer.secret,)
    assert issuer.environment() == {"BETTER_AUTH_URL": issuer.url}
    expected = {"BETTER_AUTH_SECRET": issuer.secret, "AUTH_COOKIE": "jwe"}
    actual = issuer.environment(AUTH_COOKIE="jwe")
    assert actual == {"BETTER_AUTH_URL": issuer.url, **expected}


@pytest.fixture
def developers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_ISSUER", "https://other.example.com")


@pytest.mark.usefixtures("developers_environment")
def test_the_environment_names_the_issuer_and_nothing_else(
    request: pytest.FixtureRequest,
) -> None:
    issuer: Issuer = request.getfixturevalue("issuer_environment")
    assert os.environ["BETTER_AUTH_URL"] == issuer.url
    settings = AuthSettings.load()
    assert (settings.better_auth_url, settings.auth_issuer) == (issuer.url, ())
