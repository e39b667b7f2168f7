"""Only requests for trusted hosts are served."""

import pytest
from fastapi import FastAPI

from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.auth.bearer import ADA
from tests.entrypoints.http.conftest import MakeApp


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
async def test_malformed_hosts_are_harmless(app: FastAPI, make_app: MakeApp, host: bytes) -> None:
    for path in ("/api/todos", "/api/todos/", "/docs", "/nothing"):
        for headers in ([ADA, (b"host", host)], [ADA, (b"host", host), (b"host", b"testserver")]):
            response = await send_request(app, path, headers=headers)
            assert response.status in {200, 404}
            assert response.header("location") is None
    strict = make_app(trusted_hosts="api.example.com,*.internal,[::1]")
    response = await send_request(strict, "/api/todos", headers=[ADA, (b"host", host)])
    assert (response.status, response.json()["code"]) == (400, "untrusted_host")


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
    assert (await send_request(app, "/api/me", headers=[ADA, (b"host", host)])).status == 200


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
async def test_untrusted_hosts_are_rejected(
    make_app: MakeApp, headers: list[tuple[bytes, bytes]]
) -> None:
    app = make_app(trusted_hosts="api.example.com,*.internal")
    response = await send_request(app, "/api/me", headers=headers)
    assert response.status == 400
    assert response.header("content-type") == "application/problem+json"
    assert response.header("x-request-id") == response.json()["request_id"]


@pytest.mark.anyio
async def test_a_star_trusts_every_host(make_app: MakeApp) -> None:
    app = make_app(trusted_hosts="api.example.com,*")
    assert (await send_request(app, "/api/me", headers=[ADA, (b"host", b"[")])).status == 200
    assert (await send_request(app, "/api/me", headers=[ADA])).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "host", [b"10.244.0.5:8000", b"[fd00::5]:8000", b"other.example", b"", b"["]
)
async def test_health_answers_for_every_host(
    make_app: MakeApp, path: str, method: str, host: bytes
) -> None:
    app = make_app(trusted_hosts="api.example.com")
    for headers in ([(b"host", host)], []):
        response = await send_request(app, path, method=method, headers=headers)
        assert response.status == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/health", "/health/", "/health/live/", "/health/nothing", "/metrics", "/docs"]
)
async def test_other_paths_need_a_trusted_host(make_app: MakeApp, path: str) -> None:
    app = make_app(trusted_hosts="api.example.com")
    response = await send_request(app, path, headers=[(b"host", b"10.244.0.5:8000")])
    assert response.json()["code"] == "untrusted_host"
