"""Credentials are read strictly, and before the body."""

import asyncio
import functools
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Request
from httpx2 import Client
from hypothesis import given
from hypothesis import strategies as st

from backend.container import Container
from backend.domain.auth import MalformedAuthorizationError, MissingTokenError, Principal
from backend.entrypoints.http.app import create_app
from backend.entrypoints.http.auth.credentials import bearer_token
from backend.entrypoints.http.auth.guards import (
    MAX_BODY_BYTES,
    CurrentPrincipal,
    ProtectedRoute,
)
from backend.settings import Settings
from tests.entrypoints.http.conftest import MakeApp, MakeClient
from tests.entrypoints.http.exchange import Answer, exchange
from tests.fakes import FakeTokenVerifier, UnreachableTokenVerifier

ADA = (b"authorization", b"Bearer ada")
JSON = (b"content-type", b"application/json")
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


async def ask(app: FastAPI, *headers: tuple[bytes, bytes], **said: Any) -> Answer:
    return await exchange(app, said.pop("path", "/api/me"), headers=headers, **said)


def assert_refused(answer: Answer, code: str) -> None:
    assert answer.status == 401
    assert answer.json()["code"] == code
    assert (answer.header("www-authenticate") or "").startswith('Bearer realm="')


@pytest.mark.anyio
@pytest.mark.parametrize("value", MALFORMED)
async def test_a_malformed_header_is_refused_unverified(
    app: FastAPI, verifier: FakeTokenVerifier, value: bytes
) -> None:
    assert_refused(await ask(app, (b"authorization", value)), "malformed_authorization")
    assert verifier.asked == []


@pytest.mark.anyio
async def test_a_missing_header_is_not_a_malformed_one(app: FastAPI) -> None:
    assert_refused(await ask(app), "missing_token")
    assert_refused(await ask(app, (b"proxy-authorization", b"Bearer ada")), "missing_token")
    assert_refused(await ask(app, (b"cookie", b"token=ada")), "missing_token")
    assert_refused(await ask(app, path="/api/me?access_token=ada"), "missing_token")


@pytest.mark.anyio
@pytest.mark.parametrize("second", [b"Bearer ada", b"Bearer bob", b"Basic x", b""])
async def test_two_headers_are_refused_even_if_they_agree(app: FastAPI, second: bytes) -> None:
    for headers in ((ADA, (b"authorization", second)), ((b"authorization", second), ADA)):
        assert_refused(await ask(app, *headers), "malformed_authorization")


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
async def test_the_scheme_is_known_in_any_case(app: FastAPI, scheme: bytes) -> None:
    answer = await ask(app, (b"authorization", scheme + b" ada"))
    assert (answer.status, answer.json()["user_id"]) == (200, "ada")


@pytest.mark.anyio
@pytest.mark.parametrize("value", [b" Bearer ada", b"Bearer ada\t ", b"\t \tBearer ada \t"])
async def test_whitespace_around_a_value_is_not_of_it(app: FastAPI, value: bytes) -> None:
    assert (await ask(app, (b"authorization", value))).status == 200


@given(st.text(TOKEN_CHARACTERS, min_size=1), st.integers(0, 3))
def test_a_token_is_what_rfc_6750_says(body: str, padding: int) -> None:
    text = body + "=" * padding
    assert bearer_token([(b"authorization", b"Bearer " + text.encode())]) == text


@given(st.binary())
def test_anything_else_is_no_token(value: bytes) -> None:
    with pytest.raises(MalformedAuthorizationError):
        bearer_token([(b"authorization", value)])


def test_other_headers_are_not_looked_at() -> None:
    with pytest.raises(MissingTokenError):
        bearer_token([(b"x-authorization", b"Bearer ada"), (b"authorization2", b"Bearer ada")])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "said", [{"better_auth_secret": "s" * 32}, {"better_auth_url": "https://a"}]
)
@pytest.mark.parametrize("size", [8193, 64_000, 1_000_000])
async def test_an_oversized_token_is_refused_at_once(size: int, said: dict[str, str]) -> None:
    app = create_app(Container(settings=Settings.model_validate(said)))
    for token in (b"a" * size, b"a.b." + b"c" * size, b"." * size, b"a" * size + b"="):
        started = time.perf_counter()
        answer = await ask(app, (b"authorization", b"Bearer " + token))
        assert time.perf_counter() - started < 1
        assert_refused(answer, "invalid_token")


@pytest.mark.anyio
@pytest.mark.parametrize("value", [b"Bearer" + b" " * 1_000_000, b"Bearer " + b"a=" * 500_000])
async def test_an_oversized_header_is_refused_at_once(app: FastAPI, value: bytes) -> None:
    started = time.perf_counter()
    answer = await ask(app, (b"authorization", value))
    assert time.perf_counter() - started < 1
    assert_refused(answer, "malformed_authorization")


def endless() -> Iterator[bytes]:
    return itertools.repeat(b"x" * 1000)


BODIES: list[Callable[[], Iterator[bytes]]] = [
    lambda: iter([b"{"]),
    lambda: iter([b"\xff" * 100_000]),
    endless,
]


@pytest.mark.anyio
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer mallory")]])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/todos"),
        ("POST", "/api/todos?limit=x"),
        ("PATCH", "/api/todos/not-an-id"),
        ("DELETE", "/api/todos/not-an-id"),
        ("GET", "/api/todos?limit=0"),
    ],
)
async def test_who_is_nobody_is_told_so_before_anything_is_read(
    app: FastAPI,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    body: Callable[[], Iterator[bytes]],
) -> None:
    answer = await exchange(app, path, method=method, headers=[*headers, JSON], body=body())
    assert answer.status == 401
    assert answer.received == 0


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_who_is_somebody_is_not_read_for_ever(app: FastAPI, method: str) -> None:
    path = "/api/todos" if method == "POST" else "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
    answer = await exchange(app, path, method=method, headers=[ADA, JSON], body=endless())
    assert (answer.status, answer.json()["code"]) == (413, "content_too_large")
    assert answer.received == MAX_BODY_BYTES // 1000 + 1


async def read_field(body: Annotated[list[str], Body()]) -> None:
    pytest.fail("it was read")


async def read_request(request: Request) -> None:
    await request.body()


@pytest.mark.anyio
@pytest.mark.parametrize("read", [read_field, read_request])
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("depends", ["the endpoint", "the router", "the inclusion"])
async def test_nor_by_a_route_that_reads_where_a_body_is_unusual(
    make_app: MakeApp, method: str, read: Callable[..., Any], depends: str
) -> None:
    app, dependencies = make_app(), [Depends(read)]
    router = APIRouter(
        route_class=ProtectedRoute, dependencies=dependencies if depends == "the router" else None
    )

    @router.api_route(
        "/api/read",
        methods=[method],
        dependencies=dependencies if depends == "the endpoint" else None,
    )
    async def endpoint(principal: CurrentPrincipal) -> None: ...

    app.include_router(router, dependencies=dependencies if depends == "the inclusion" else None)
    answer = await exchange(app, "/api/read", method=method, headers=[ADA, JSON], body=endless())
    assert answer.status == 413
    assert answer.received == MAX_BODY_BYTES // 1000 + 1


async def one_or_the_other(principal: CurrentPrincipal, greeting: str = "Hello") -> str:
    return f"{greeting}, {principal.user_id}"


def in_thread(principal: CurrentPrincipal) -> str:
    return f"Hello, {principal.user_id}"


@functools.wraps(in_thread)
async def out_of_thread(principal: Principal) -> str:
    return in_thread(principal)


class Greeter:
    async def greet(self, principal: CurrentPrincipal) -> str:
        return f"Hello, {principal.user_id}"

    async def __call__(self, principal: CurrentPrincipal) -> str:
        return await self.greet(principal)


@pytest.mark.anyio
@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize(
    "endpoint",
    [
        one_or_the_other,
        functools.partial(one_or_the_other, greeting="Hello"),
        in_thread,
        functools.partial(in_thread),
        out_of_thread,
        Greeter().greet,
        Greeter(),
    ],
)
async def test_an_endpoint_may_be_of_any_kind(
    make_app: MakeApp, endpoint: Callable[..., Any], *, included: bool
) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/hello", endpoint)
    if included:
        app.include_router(router)
    else:  # as the app's own are
        app.router.routes.extend(router.routes)
    assert (await ask(app, ADA, path="/api/hello")).json() == "Hello, ada"
    assert_refused(await ask(app, path="/api/hello"), "missing_token")


@pytest.mark.anyio
async def test_a_body_of_just_the_most_is_read(app: FastAPI) -> None:
    shortest = json.dumps({"title": "x"}).encode()
    body = shortest + b" " * (MAX_BODY_BYTES - len(shortest))
    for content, status in ((body, 201), (body + b" ", 413)):
        headers = [ADA, JSON]
        answer = await exchange(app, "/api/todos", method="POST", headers=headers, body=[content])
        assert answer.status == status


@pytest.mark.anyio
async def test_credentials_are_verified_once_a_request(
    app: FastAPI, verifier: FakeTokenVerifier
) -> None:
    for _ in range(2):
        assert (await ask(app, ADA)).status == 200
    assert verifier.asked == ["ada", "ada"]


@pytest.mark.anyio
async def test_a_route_of_another_kind_authenticates_whom_it_asks_for(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/elsewhere")
    async def read_elsewhere(principal: CurrentPrincipal) -> str:
        return principal.user_id

    assert (await ask(app, ADA, path="/elsewhere")).json() == "ada"
    assert_refused(await ask(app, path="/elsewhere"), "missing_token")


@pytest.mark.anyio
async def test_a_token_reaches_the_verifier_as_it_was_sent(
    app: FastAPI, verifier: FakeTokenVerifier
) -> None:
    assert_refused(await ask(app, (b"authorization", b"Bearer aB9-._~+/=")), "invalid_token")
    assert verifier.asked == ["aB9-._~+/="]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"[",
        b"[::1",
        b"]:",
        b"a b",
        b"user@host",
        b"host:port",
        b"host:99999",
        b":",
        b"/",
        b"\xff\xfe",
        b"\x00",
        b"a" * 100_000,
        b"xn--\xc3\xa4",
        b"evil.example.com/path?query#fragment",
    ],
)
async def test_malformed_hosts_do_no_harm(app: FastAPI, make_app: MakeApp, host: bytes) -> None:
    for path in ("/api/todos", "/api/todos/", "/docs", "/nothing"):
        for headers in ([ADA, (b"host", host)], [ADA, (b"host", host), (b"host", b"testserver")]):
            answer = await exchange(app, path, headers=headers)
            assert answer.status in {200, 404}
            assert answer.header("location") is None
    strict = make_app(trusted_hosts="api.example.com,*.internal,[::1]")
    answer = await exchange(strict, "/api/todos", headers=[ADA, (b"host", host)])
    assert (answer.status, answer.json()["code"]) == (400, "untrusted_host")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "host",
    [
        b"api.example.com",
        b"API.Example.Com:8443",
        b"a.internal",
        b"a.b.internal:1",
        b"[::1]",
        b"[::1]:8000",
    ],
)
async def test_trusted_hosts_are_served(make_app: MakeApp, host: bytes) -> None:
    app = make_app(trusted_hosts="API.example.com,*.Internal,[::1]")
    assert (await exchange(app, "/api/me", headers=[ADA, (b"host", host)])).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"example.com")],
        [(b"host", b"internal")],
        [(b"host", b"xapi.example.com")],
        [(b"host", b"api.example.com.evil.example")],
        [(b"host", b"api.example.com@evil.example")],
        [(b"host", b"api.example.com:evil")],
        [(b"host", b"api.example.com"), (b"host", b"api.example.com")],
        [(b"x-forwarded-host", b"api.example.com")],
    ],
)
async def test_other_hosts_are_not(make_app: MakeApp, headers: list[tuple[bytes, bytes]]) -> None:
    app = make_app(trusted_hosts="api.example.com,*.internal")
    answer = await exchange(app, "/health/live", headers=headers)
    assert answer.status == 400
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("x-request-id") == answer.json()["request_id"]


@pytest.mark.anyio
async def test_any_host_is_trusted_if_that_is_said(make_app: MakeApp) -> None:
    app = make_app(trusted_hosts="api.example.com,*")
    assert (await exchange(app, "/health/live", headers=[(b"host", b"[")])).status == 200
    assert (await exchange(app, "/health/live")).status == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/api/todos", "/api/me", "/api/todos/x", "/health/live"])
def test_other_methods_are_not_allowed_and_reveal_nothing(
    anyone: Client, ada: Client, method: str, path: str
) -> None:
    for client in (anyone, ada):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"].split(", ")


def test_browsers_ask_first_without_credentials(make_app: MakeApp, make_client: MakeClient) -> None:
    app = make_app(cors_origins="https://app.example.com")
    asking = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, if-match",
    }
    client = make_client(app)
    answer = client.options("/api/todos/x", headers=asking)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = client.options("/api/todos/x", headers={**asking, "Origin": "https://evil.example"})
    assert refused.status_code == 400
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_browsers_may_read_refusals(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(cors_origins="https://app.example.com"))
    answer = client.get("/api/me", headers={"Origin": "https://app.example.com"})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.anyio
async def test_an_outage_says_nothing_about_the_caller(make_app: MakeApp) -> None:
    app = make_app(parts={"token_verifier": UnreachableTokenVerifier()})
    answer = await ask(app, ADA)
    assert (answer.status, answer.header("retry-after")) == (503, "2")
    assert answer.header("www-authenticate") is None
    assert_refused(await ask(app), "missing_token")


@pytest.mark.anyio
async def test_requests_at_once_keep_to_their_own_principals(app: FastAPI) -> None:
    names = [name for _ in range(50) for name in ("ada", "bob")]
    answers = await asyncio.gather(
        *(ask(app, (b"authorization", b"Bearer " + name.encode())) for name in names)
    )
    assert [answer.json()["user_id"] for answer in answers] == names


@pytest.mark.anyio
async def test_what_a_caller_owns_is_cached_by_nobody_else(app: FastAPI) -> None:
    assert (await ask(app, ADA)).header("cache-control") == "private, no-cache"
    assert (await ask(app)).header("cache-control") == "no-store"
