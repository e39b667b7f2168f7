"""HEAD is answered wherever GET is: the same status and headers, and no body."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from httpx2 import Client
from prometheus_client import REGISTRY
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.metrics.series import count_batch
from tests.entrypoints.http.asgi_client import RawResponse, send_request
from tests.entrypoints.http.auth.bearer import ADA
from tests.entrypoints.http.conftest import MakeApp
from tests.entrypoints.http.sockets import Server, request

CHANGING = {b"x-request-id"}


async def get_and_head(
    app: FastAPI, path: str, *headers: tuple[bytes, bytes]
) -> tuple[RawResponse, RawResponse]:
    got, head = [
        await send_request(app, path, method=method, headers=headers) for method in ("GET", "HEAD")
    ]
    return got, head


def assert_same_without_body(got: RawResponse, head: RawResponse) -> None:
    assert head.body == b""
    assert head.status == got.status
    expected, actual = [
        [item for item in response.headers if item[0] not in CHANGING] for response in (got, head)
    ]
    assert actual == expected


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [[], [ADA], [(b"authorization", b"Bearer expired")]])
@pytest.mark.parametrize(
    "path",
    [
        "/api/me",
        "/api/todos",
        "/api/todos?limit=0",
        "/api/todos?limit=1&sort=title",
        "/api/todos/x",
        "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9",
        "/health/live",
        "/health/ready",
        "/docs",
        "/openapi.json",
        "/api/nothing",
        "/nothing",
    ],
)
async def test_head_is_get_without_a_body(
    app: FastAPI, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    got, head = await get_and_head(app, path, *headers)
    assert got.status != 405
    assert got.header("content-length") == str(len(got.body))
    assert_same_without_body(got, head)


@pytest.mark.anyio
async def test_metrics_answer_head(app: FastAPI) -> None:
    response = await send_request(app, "/metrics", method="HEAD")
    assert (response.status, response.body) == (200, b"")


def test_one_todo_answers_head_with_its_etag(ada: Client) -> None:
    made = ada.post("/api/todos", json={"title": "x"})
    path, tag = made.headers["Location"], made.headers["ETag"]
    assert ada.head(path).headers["ETag"] == tag
    assert ada.head(path, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.anyio
async def test_routes_without_get_answer_head_with_405(make_app: MakeApp) -> None:
    app = make_app(public=("/actions",))

    @app.post("/actions")
    async def act() -> str:
        return "done"

    response = await send_request(app, "/actions", method="HEAD")
    assert (response.status, response.header("allow")) == (405, "POST")
    assert response.body == b""


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/api/todos", "/api/me", "/health/live"])
async def test_allow_lists_head_beside_get(app: FastAPI, path: str) -> None:
    allowed = (await send_request(app, path, method="PUT")).header("allow") or ""
    assert {"GET", "HEAD"} <= set(allowed.split(", "))


@pytest.mark.anyio
async def test_the_document_lists_no_head_operations(app: FastAPI) -> None:
    document = (await send_request(app, "/openapi.json")).json()
    assert not any("head" in operations for operations in document["paths"].values())


# --- Routes of other people -----------------------------------------------------------------------


def add_routes(app: FastAPI, folder: Any) -> None:
    """Add every kind of route that answers GET."""
    plain, guarded, outer = APIRouter(), APIRouter(route_class=ProtectedRoute), APIRouter()

    @plain.get("/plain")
    async def text() -> dict[str, str]:
        return {"a": "b"}

    @guarded.get("/api/guarded")
    async def guarded_text(principal: CurrentPrincipal, response: Response) -> str:
        response.headers["X-User"] = principal.user_id
        return principal.user_id

    @app.get("/sync")
    def sync(request: Request) -> str:
        return request.url.path

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"part"

        return StreamingResponse(parts())

    (folder / "page.txt").write_text("a page")

    @app.get("/file")
    async def file() -> FileResponse:
        return FileResponse(folder / "page.txt")

    @app.api_route("/both", methods=["GET", "POST"])
    async def both() -> str:
        return "both"

    async def starlette(request: Request) -> PlainTextResponse:
        return PlainTextResponse("starlette")

    outer.include_router(plain, prefix="/v1")
    app.include_router(outer, prefix="/included")
    app.include_router(guarded)
    app.router.routes.append(Route("/starlette", starlette))
    inner = FastAPI(openapi_url=None)
    inner.include_router(plain)
    app.mount("/sub", inner)


PUBLIC = ("/included/v1/plain", "/sync", "/stream", "/file", "/both", "/sub")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/included/v1/plain",
        "/api/guarded",
        "/sync",
        "/stream",
        "/file",
        "/both",
        "/starlette",
        "/sub/plain",
        "/sub/nothing",
    ],
)
async def test_added_routes_answer_head(make_app: MakeApp, tmp_path: Any, path: str) -> None:
    app = make_app(public=PUBLIC)
    add_routes(app, tmp_path)
    for headers in ([], [ADA]):
        assert_same_without_body(*await get_and_head(app, path, *headers))


@pytest.mark.anyio
@pytest.mark.parametrize("included", [False, True])
async def test_a_route_of_its_own_serves_head(make_app: MakeApp, included: bool) -> None:
    app, router = make_app(public=("/notes",)), APIRouter()
    target = router if included else app

    @target.get("/notes")
    async def read() -> str:
        raise AssertionError

    @target.head("/notes")
    async def check() -> Response:
        return Response(headers={"X-Checked": "yes"})

    app.include_router(router)
    response = await send_request(app, "/notes", method="HEAD")
    assert (response.status, response.header("x-checked")) == (200, "yes")


@pytest.mark.anyio
async def test_a_defect_answers_head_with_500(make_app: MakeApp) -> None:
    app = make_app(public=("/broken",))

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    response = await send_request(app, "/broken", method="HEAD", raising=False)
    assert (response.status, response.body) == (500, b"")


@pytest.mark.anyio
async def test_sockets_and_the_lifespan_pass(make_app: MakeApp) -> None:
    app = make_app()
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/nothing", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    assert sent[0]["type"] == "websocket.close"


def test_head_is_counted_with_its_method_and_route(ada: Client) -> None:
    labels = {"method": "HEAD", "route": "/api/me", "status": "200"}

    def counted() -> float:
        count_batch()
        return REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0

    before = counted()
    assert ada.head("/api/me").status_code == 200
    assert counted() == before + 1


def test_connections_stay_usable_after_head(make_app: MakeApp) -> None:
    first = request(b"HEAD /api/me", b"Authorization: Bearer ada")
    second = request(b"GET /health/live", b"Connection: close")
    with Server(make_app()) as server, server.connect() as connection:
        connection.sendall(first + second)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-length: 0" not in head.lower()
    assert rest.startswith(b"HTTP/1.1 200")
    assert rest.endswith(b'{"status":"ok","checks":{}}')
