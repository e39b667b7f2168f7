"""Bearer tokens are read strictly, and verified once per request."""

import asyncio
import time

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from backend.container import Container
from backend.domain.auth import (
    MalformedAuthorizationError,
    MissingTokenError,
    VerifierUnavailableError,
)
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.auth.credentials import read_bearer_token
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.auth.bearer import ADA, assert_unauthorized, send
from tests.entrypoints.http.conftest import MakeApp

TOKEN_CHARACTERS = "abcXYZ019-._~+/"
MALFORMED = [
    b"",
    b" ",
    b"Bearer",
    b"Bearer ",
    b"Bearer  ada",
    b"Bearer\tada",
    b"Bearer \tada",
    b"Bearer ada bob",
    b"Bearer ada,bob",
    b", Bearer ada",
    b"Bearer ada, Bearer bob",
    b"Basic ada",
    b"Basic YWRhOnNlY3JldA==",
    b"Digest ada",
    b"DPoP ada",
    b"Token ada",
    b"ada",
    b"Bearerada",
    b"Bearer=ada",
    b"Bearer:ada",
    b"Bearer: ada",
    b"BearerX ada",
    b"XBearer ada",
    b"Bearer\xa0ada",
    b"Bearer\xc2\xa0ada",
    b"Bearer a\xc3\xa4a",
    b"Bearer \xff",
    b"Bearer ada\x00",
    b"Bearer ada\n",
    b"Bearer \nada",
    b"Bearer ada\r\nX: y",
    b"Bearer \x1b[31m",
    b"Bearer ada\x7f",
    b"Bearer =",
    b"Bearer =ada",
    b"Bearer a=da",
    b'Bearer "ada"',
    b"Bearer {ada}",
    b"Bearer ada\xe2\x80\x8b",
    b"\xe2\x84\xaaearer ada",
    "Bearer \u0661".encode(),
]


@pytest.mark.anyio
@pytest.mark.parametrize("value", MALFORMED)
async def test_malformed_headers_are_rejected_before_verification(
    app: FastAPI, verifier: FakeTokenVerifier, value: bytes
) -> None:
    assert_unauthorized(await send(app, (b"authorization", value)), "malformed_authorization")
    assert verifier.asked == []


@pytest.mark.anyio
async def test_a_missing_header_gives_missing_token(app: FastAPI) -> None:
    assert_unauthorized(await send(app), "missing_token")
    assert_unauthorized(await send(app, (b"proxy-authorization", b"Bearer ada")), "missing_token")
    assert_unauthorized(await send(app, (b"cookie", b"token=ada")), "missing_token")
    assert_unauthorized(await send(app, path="/api/me?access_token=ada"), "missing_token")


@pytest.mark.anyio
@pytest.mark.parametrize("second", [b"Bearer ada", b"Bearer bob", b"Basic x", b""])
async def test_two_headers_are_rejected_even_if_they_are_equal(app: FastAPI, second: bytes) -> None:
    for headers in ((ADA, (b"authorization", second)), ((b"authorization", second), ADA)):
        assert_unauthorized(await send(app, *headers), "malformed_authorization")


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
async def test_the_scheme_is_case_insensitive(app: FastAPI, scheme: bytes) -> None:
    response = await send(app, (b"authorization", scheme + b" ada"))
    assert (response.status, response.json()["user_id"]) == (200, "ada")


@pytest.mark.anyio
@pytest.mark.parametrize("value", [b" Bearer ada", b"Bearer ada\t ", b"\t \tBearer ada \t"])
async def test_surrounding_whitespace_is_ignored(app: FastAPI, value: bytes) -> None:
    assert (await send(app, (b"authorization", value))).status == 200


@given(st.text(TOKEN_CHARACTERS, min_size=1), st.integers(0, 3))
def test_every_token_of_rfc_6750_is_read(body: str, padding: int) -> None:
    text = body + "=" * padding
    assert read_bearer_token([(b"authorization", b"Bearer " + text.encode())]) == text


@given(st.binary())
def test_any_other_value_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedAuthorizationError):
        read_bearer_token([(b"authorization", value)])


def test_other_headers_are_ignored() -> None:
    with pytest.raises(MissingTokenError):
        read_bearer_token([(b"x-authorization", b"Bearer ada"), (b"authorization2", b"Bearer ada")])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "settings", [{"better_auth_secret": "s" * 32}, {"better_auth_url": "https://a"}]
)
@pytest.mark.parametrize("size", [16_385, 64_000, 1_000_000])
async def test_oversized_tokens_are_rejected_quickly(size: int, settings: dict[str, str]) -> None:
    app = create_app(Container(settings=Settings.model_validate(settings)))
    for token in (b"a" * size, b"a.b." + b"c" * size, b"." * size, b"a" * size + b"="):
        started = time.perf_counter()
        response = await send(app, (b"authorization", b"Bearer " + token))
        assert time.perf_counter() - started < 1
        assert_unauthorized(response, "invalid_token")


@pytest.mark.anyio
@pytest.mark.parametrize("value", [b"Bearer" + b" " * 1_000_000, b"Bearer " + b"a=" * 500_000])
async def test_oversized_headers_are_rejected_quickly(app: FastAPI, value: bytes) -> None:
    started = time.perf_counter()
    response = await send(app, (b"authorization", value))
    assert time.perf_counter() - started < 1
    assert_unauthorized(response, "malformed_authorization")


@pytest.mark.anyio
async def test_credentials_are_verified_once_per_request(
    app: FastAPI, verifier: FakeTokenVerifier
) -> None:
    for _ in range(2):
        assert (await send(app, ADA)).status == 200
    assert verifier.asked == ["ada", "ada"]


@pytest.mark.anyio
async def test_the_verifier_gets_the_token_unchanged(
    app: FastAPI, verifier: FakeTokenVerifier
) -> None:
    assert_unauthorized(await send(app, (b"authorization", b"Bearer aB9-._~+/=")), "invalid_token")
    assert verifier.asked == ["aB9-._~+/="]


@pytest.mark.anyio
async def test_a_verifier_outage_gives_503_not_401(make_app: MakeApp) -> None:
    outage = VerifierUnavailableError("the issuer is down", retry_after=1.5)
    app = make_app(parts={"token_verifier": FakeTokenVerifier(otherwise=outage)})
    response = await send(app, ADA)
    assert (response.status, response.header("retry-after")) == (503, "2")
    assert response.header("www-authenticate") is None
    assert_unauthorized(await send(app), "missing_token")


@pytest.mark.anyio
async def test_concurrent_requests_keep_their_own_principals(app: FastAPI) -> None:
    names = [name for _ in range(50) for name in ("ada", "bob")]
    responses = await asyncio.gather(
        *(send(app, (b"authorization", b"Bearer " + name.encode())) for name in names)
    )
    assert [response.json()["user_id"] for response in responses] == names
