"""A body that is too large gets a problem with status 413, for every way to read it."""

import asyncio
from collections.abc import Iterable

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from backend.entrypoints.http.body_limit import MAX_BODY_BYTES, BodyLimit
from backend.entrypoints.http.problems.handlers import install
from tests.entrypoints.http.asgi_client import RawResponse, send_request

JSON = (b"content-type", b"application/json")
WIDE = 200_000


@pytest.fixture
def app() -> FastAPI:
    """Return an app with the default limit, and routes with their own limits."""
    app = FastAPI()
    install(app)
    app.router.middleware_stack = BodyLimit(app.router.middleware_stack)
    router = APIRouter(max_body_size=WIDE)

    @app.post("/default")
    @app.post("/narrow", max_body_size=100)
    @router.post("/wide")
    @router.post("/wide/narrow", max_body_size=100)
    async def json(body: list[int]) -> int:
        return len(body)

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @app.post("/unread")
    @app.post("/unread/narrow", max_body_size=100)
    @router.post("/unread/router")
    async def unread() -> str:
        return "never reads the body"

    @app.post("/started")
    async def started(request: Request) -> StreamingResponse:
        return StreamingResponse(request.stream())

    @app.post("/own")
    async def own() -> PlainTextResponse:
        return PlainTextResponse("Send a smaller file.", 413)

    inner = FastAPI(max_body_size=WIDE)
    install(inner)
    inner.post("/json")(json)
    inner.post("/unread")(unread)
    app.include_router(router)
    app.mount("/inner", inner)
    return app


def post(app: FastAPI, path: str, size: int, *, chunked: bool) -> RawResponse:
    """Post a JSON array of a size in bytes, with its length or in chunks."""
    body = b"[" + b" " * (size - 2) + b"]"
    chunks: Iterable[bytes] = [body[start : start + 999] for start in range(0, size, 999)]
    length = [] if chunked else [(b"content-length", str(size).encode())]
    request = send_request(app, path, method="POST", headers=[JSON, *length], body=chunks)
    return asyncio.run(request)


def assert_is_problem(response: RawResponse) -> None:
    assert response.status == 413
    assert response.header("content-type") == "application/problem+json"
    body = response.json()
    assert (body["code"], body["detail"]) == ("content_too_large", "The body is too large.")
    assert response.header("cache-control") == "no-store"
    assert response.header("content-length") == str(len(response.body))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/default", MAX_BODY_BYTES),
        ("/narrow", 100),
        ("/wide", WIDE),
        ("/wide/narrow", 100),
        ("/inner/json", WIDE),
        ("/raw", MAX_BODY_BYTES),
        ("/stream", MAX_BODY_BYTES),
    ],
)
def test_the_limit_is_that_of_the_route(
    app: FastAPI, path: str, limit: int, *, chunked: bool
) -> None:
    assert post(app, path, limit, chunked=chunked).status == 200
    assert_is_problem(post(app, path, limit + 1, chunked=chunked))


@pytest.mark.parametrize("path", ["/unread/narrow", "/unread/router", "/inner/unread"])
def test_a_declared_length_above_the_limit_of_a_route_is_refused_though_the_route_reads_nothing(
    app: FastAPI, path: str
) -> None:
    assert_is_problem(post(app, path, WIDE + 1, chunked=False))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_no_route_reads_is_not_limited(app: FastAPI, *, chunked: bool) -> None:
    assert post(app, "/unread", MAX_BODY_BYTES + 1, chunked=chunked).status == 200
    assert post(app, "/nothing", MAX_BODY_BYTES + 1, chunked=chunked).status == 404


def test_a_response_that_has_started_is_cut(app: FastAPI) -> None:
    body = [b"x" * 50_000] * 2
    response = asyncio.run(
        send_request(app, "/started", method="POST", headers=[JSON], body=body, raising=False)
    )
    assert (response.status, len(response.body)) == (200, 50_000)


def test_a_413_of_the_route_is_kept(app: FastAPI) -> None:
    response = post(app, "/own", 2, chunked=False)
    assert (response.status, response.body) == (413, b"Send a smaller file.")


@pytest.mark.parametrize("limit", [MAX_BODY_BYTES * 2, 100])
def test_the_limit_of_the_app_replaces_the_default_limit(limit: int) -> None:
    app = FastAPI(max_body_size=limit)
    app.router.middleware_stack = BodyLimit(app.router.middleware_stack)

    @app.post("/notes")
    async def notes(body: list[int]) -> int:
        return len(body)

    assert post(app, "/notes", limit, chunked=False).status == 200
    assert post(app, "/notes", limit + 1, chunked=False).status == 413
    assert post(app, "/notes", limit + 1, chunked=True).status == 413


def test_other_connections_pass_through() -> None:
    seen = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.append((scope, receive, send))

    async def never(*_message: object) -> None:
        raise AssertionError

    scope = {"type": "lifespan"}
    asyncio.run(BodyLimit(app)(scope, never, never))  # type: ignore[arg-type]  # never called
    assert seen == [(scope, never, never)]
