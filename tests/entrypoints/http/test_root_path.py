"""Behind a proxy that strips a path prefix, every address that the API gives has the prefix."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, WebSocket
from starlette.types import Message, Scope

from tests.entrypoints.http.asgi_client import send_request
from tests.entrypoints.http.auth.bearer import ADA, JSON
from tests.entrypoints.http.conftest import MakeApp
from tests.entrypoints.http.pages.html_pages import Page


def served_below(app: FastAPI, root_path: str, *, includes_prefix: bool = True) -> Any:
    """Put a root path into the scope, as a server with `--root-path` does."""

    async def serve(scope: Scope, receive: Any, send: Any) -> None:
        path = root_path + scope["path"] if includes_prefix else scope["path"]
        await app({**scope, "root_path": root_path, "path": path}, receive, send)

    return serve


async def create(app: Any, path: str) -> str | None:
    response = await send_request(
        app, path, method="POST", headers=[ADA, JSON], body=[b'{"title": "x"}']
    )
    assert response.status == 201, response
    return response.header("location")


async def assert_addresses(app: Any, prefix: str, sent: str) -> None:
    """Check every address that the API gives when the server receives paths below `sent`."""
    location = await create(app, f"{sent}/api/todos")
    assert (location or "").startswith(f"{prefix}/api/todos/")
    stripped = (location or "").removeprefix(prefix)
    assert (await send_request(app, sent + stripped, headers=[ADA])).status == 200
    page = await send_request(app, f"{sent}/docs")
    loaded = Page(f"http://testserver{prefix}/docs", page.body.decode()).loaded
    assert len(loaded) == len(set(loaded)) == 5
    for url in loaded:
        path = urlsplit(url).path
        assert path.startswith(f"{prefix}/docs/")
        assert (await send_request(app, sent + path.removeprefix(prefix))).status == 200
    document = (await send_request(app, f"{sent}/openapi.json")).json()
    assert document["servers"] == [{"url": prefix or "/"}]
    for path in ("/api/me", "/health/live"):
        assert (await send_request(app, sent + path, headers=[ADA])).status == 200


@pytest.mark.anyio
async def test_addresses_without_a_prefix_start_at_the_root(app: FastAPI) -> None:
    await assert_addresses(app, "", "")


@pytest.mark.anyio
@pytest.mark.parametrize("root_path", ["/todos", "/a/b.c/d_e", "/todos/"])
@pytest.mark.parametrize("stripped", [True, False])
async def test_the_setting_works_whether_or_not_the_proxy_strips(
    make_app: MakeApp, root_path: str, stripped: bool
) -> None:
    prefix = root_path.rstrip("/")
    app = make_app(root_path=root_path)
    await assert_addresses(app, prefix, "" if stripped else prefix)


@pytest.mark.anyio
@pytest.mark.parametrize("root_path", ["/api", "/health", "/api/todos"])
async def test_a_prefix_that_looks_like_a_route_is_stripped(
    make_app: MakeApp, root_path: str
) -> None:
    await assert_addresses(make_app(root_path=root_path), root_path, "")


@pytest.mark.anyio
@pytest.mark.parametrize("setting", ["", "/todos"])
@pytest.mark.parametrize("includes_prefix", [True, False])
async def test_a_server_may_set_the_root_path(
    make_app: MakeApp, setting: str, includes_prefix: bool
) -> None:
    app = make_app(root_path=setting)
    served = served_below(app, "/todos", includes_prefix=includes_prefix)
    await assert_addresses(served, "/todos", "")


@pytest.mark.anyio
async def test_a_slash_at_the_end_of_the_root_path_of_a_server_is_ignored(app: FastAPI) -> None:
    location = await create(served_below(app, "/todos/", includes_prefix=False), "/api/todos")
    assert (location or "").startswith("/todos/api/todos/")


@pytest.mark.anyio
async def test_a_mounted_api_knows_its_prefix(make_app: MakeApp) -> None:
    outer, inner = FastAPI(), make_app()
    outer.mount("/inner", inner)
    assert (await create(outer, "/inner/api/todos") or "").startswith("/inner/api/todos/")


@pytest.mark.anyio
async def test_the_prefix_is_not_a_part_of_other_names(make_app: MakeApp) -> None:
    app = make_app(root_path="/todo")
    assert (await send_request(app, "/todos/api/me", headers=[ADA])).status == 404
    assert (await send_request(app, "/todo", headers=[ADA])).status == 404


@pytest.mark.anyio
async def test_the_startup_check_and_the_host_check_ignore_the_prefix(make_app: MakeApp) -> None:
    app = make_app(root_path="/todos", trusted_hosts="api.example.com")
    for path in ("/health/live", "/todos/health/live"):
        assert (await send_request(app, path)).status == 200
    for path in ("/api/me", "/todos/api/me"):
        assert (await send_request(app, path)).status == 400


@pytest.mark.anyio
async def test_web_sockets_are_served_below_the_prefix(make_app: MakeApp) -> None:
    app = make_app(root_path="/todos", public=("/echo",))
    sent: list[Message] = []

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(socket.url.path)
        await socket.close()

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    for path in ("/echo", "/todos/echo"):
        scope: Scope = {"type": "websocket", "path": path, "headers": [], "query_string": b""}
        await app({**scope, "scheme": "ws", "server": ("testserver", 80)}, receive, send)
    assert [message["text"] for message in sent if "text" in message] == ["/todos/echo"] * 2
