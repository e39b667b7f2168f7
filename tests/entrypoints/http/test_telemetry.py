"""Each request has an id and a line in the access log; credentials are never logged."""

import asyncio
import logging
from typing import Final

import pytest
from fastapi import Response
from httpx2 import Client
from starlette.types import Message, Send

from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http.telemetry import Telemetry
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.access_log import access_lines
from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.http.conftest import MakeApp, MakeClient

UNKNOWN = "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
HTTP: Final = {"type": "http", "method": "GET", "headers": []}


@pytest.mark.parametrize("sent", ["a", "abc-DEF_0.9", "x" * 64])
def test_a_valid_id_is_kept(anonymous: Client, sent: str) -> None:
    response = anonymous.get("/api/me", headers={"X-Request-ID": sent})
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == sent


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent",
    [b"", b"x" * 65, b"a b", b"a\nb", b"a\r\nSet-Cookie: x", b"\xc3\xa4", b"\x00", b"a,b", b'"'],
)
async def test_an_invalid_id_is_replaced(make_app: MakeApp, sent: bytes) -> None:
    response = await send_request(make_app(), "/api/me", headers=[(b"x-request-id", sent)])
    identity = response.header("x-request-id") or ""
    assert identity == response.json()["request_id"]
    assert (len(identity), identity.isalnum()) == (16, True)


@pytest.mark.anyio
async def test_request_ids_are_unique(make_app: MakeApp) -> None:
    app = make_app()
    responses = [await send_request(app, "/health/live") for _ in range(20)]
    assert len({response.header("x-request-id") for response in responses}) == 20


@pytest.mark.anyio
async def test_the_first_of_two_ids_counts(make_app: MakeApp) -> None:
    twice = [(b"x-request-id", b"good"), (b"x-request-id", b"a b")]
    assert (await send_request(make_app(), "/api/me", headers=twice)).header(
        "x-request-id"
    ) == "good"


def test_an_endpoint_cannot_replace_the_request_id(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app = make_app(public=("/proxy",))

    @app.get("/proxy")
    async def proxy() -> Response:
        return Response(
            headers={"X-Request-ID": "from-the-endpoint", "X-Content-Type-Options": "nosniff"}
        )

    response = make_client(app).get("/proxy", headers={"X-Request-ID": "from-the-caller"})
    assert response.headers.get_list("X-Request-ID") == ["from-the-caller"]
    assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("path", ["/health/live", "/api/me", "/nothing", "/metrics"])
def test_every_response_forbids_content_type_sniffing(anonymous: Client, path: str) -> None:
    assert anonymous.get(path).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/health/live", "/api/me", "/nothing", "/metrics"])
def test_every_response_forbids_other_origins_to_embed_it(anonymous: Client, path: str) -> None:
    assert anonymous.get(path).headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_route_may_allow_other_origins_to_embed_its_response(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app = make_app(public=("/logo",))

    @app.get("/logo")
    async def logo() -> Response:
        return Response(headers={"Cross-Origin-Resource-Policy": "cross-origin"})

    response = make_client(app).get("/logo")
    assert response.headers.get_list("Cross-Origin-Resource-Policy") == ["cross-origin"]


@pytest.mark.parametrize("path", ["/api/me", "/nothing", "/broken"])
def test_problems_carry_the_headers_exactly_once(broken: Client, path: str) -> None:
    response = broken.get(path)
    assert response.headers.get_list("X-Request-ID") == [response.json()["request_id"]]
    assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]


def test_a_request_logs_one_line(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="backend"):
        response = ada.get(f"{UNKNOWN}?secret=hunter2", headers={"X-Request-ID": "id-of-the-test"})
    assert response.status_code == 404
    (record,) = [record for record in caplog.records if record.name == "backend.access"]
    words = record.getMessage().split()
    assert words[:3] == ["GET", "/api/todos/{todo_id}", "404"]
    assert float(words[3]) >= 0
    assert record.__dict__["request_id"] == "id-of-the-test"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "token", "expected"),
    [
        ("/api/me", "ada", ("/api/me", "ada", None)),
        ("/api/me", "wrong", ("/api/me", None, "invalid_token")),
        ("/api/me", "", ("/api/me", None, "malformed_authorization")),
        (UNKNOWN, "ada", ("/api/todos/{todo_id}", "ada", "todo_not_found")),
        ("/api/todos?limit=x", "ada", ("/api/todos", "ada", "invalid_request")),
        ("/secret-path", "ada", ("unmatched", "ada", "not_found")),
    ],
)
def test_the_access_line_names_the_user_and_the_reason(
    anonymous: Client,
    caplog: pytest.LogCaptureFixture,
    *,
    method: str,
    path: str,
    token: str,
    expected: tuple[str, str | None, str | None],
) -> None:
    with caplog.at_level(logging.INFO, logger="backend"):
        response = anonymous.request(method, path, headers={"Authorization": f"Bearer {token}"})
    (line,) = access_lines(caplog)
    assert (line["method"], line["status"]) == (method, response.status_code)
    assert (line["route"], line["user_id"], line["reason"]) == expected
    assert line["duration_ms"] >= 0


def test_the_access_line_of_a_503_names_the_database(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(parts={"todos": BrokenTodos(RepositoryUnavailableError("down"))})
    with caplog.at_level(logging.INFO, logger="backend"):
        make_client(app).get("/api/todos", headers={"Authorization": "Bearer ada"})
    (line,) = access_lines(caplog)
    assert (line["status"], line["reason"]) == (503, "database_unavailable")


def test_no_access_log_above_info(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="backend"):
        ada.get("/api/me")
    assert access_lines(caplog) == []


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_credentials_are_never_logged(
    ada: Client,
    verifier: FakeTokenVerifier,
    caplog: pytest.LogCaptureFixture,
    level: int,
) -> None:
    credentials = {
        "Authorization": "Bearer hunter2",
        "Cookie": "better-auth.session_data=hunter2; x=hunter2",
        "X-Api-Key": "hunter2",
    }
    with caplog.at_level(level):
        for headers in (credentials, {**credentials, "Authorization": "Basic hunter2"}):
            for path in ("/api/me", "/api/todos?cursor=hunter2", "/hunter2", "/health/ready"):
                ada.get(path, headers=headers)
                ada.post(path, headers=headers, json={"title": ["hunter2"]})
    assert caplog.records != []
    for record in caplog.records:
        if record.name.startswith(("backend", "uvicorn", "fastapi", "starlette")):
            assert "hunter2" not in f"{record.getMessage()} {record.__dict__}"


async def receive_nothing() -> Message:
    raise AssertionError


@pytest.mark.anyio
async def test_telemetry_awaits_send_and_passes_its_errors_on() -> None:
    order = []

    async def app(_scope: object, _receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        order.append("sent")
        await send({"type": "http.response.body"})

    async def send(message: Message) -> None:
        await asyncio.sleep(0.001)
        order.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("the client is gone")

    with pytest.raises(OSError, match="the client is gone"):
        await Telemetry(app)(dict(HTTP), receive_nothing, send)
    assert order == ["http.response.start", "sent", "http.response.body"]


@pytest.mark.anyio
async def test_other_protocols_are_passed_through() -> None:
    types: list[str] = []

    async def app(scope: Message, *_: object) -> None:
        types.append(scope["type"])

    async def ignore(message: Message) -> None:
        raise AssertionError(message)

    await Telemetry(app)({"type": "lifespan"}, receive_nothing, ignore)
    await Telemetry(app)({"type": "other"}, receive_nothing, ignore)
    assert types == ["lifespan", "other"]
