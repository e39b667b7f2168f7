"""WebSocket routes of every kind, in every mount, need a principal."""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from backend.container.authentication import AuthContainer
from backend.domain.auth import ExpiredTokenError, Principal, VerifierUnavailableError
from backend.entrypoints.http.auth import websockets
from backend.entrypoints.http.auth.dependencies import (
    CurrentPrincipal,
    OptionalPrincipal,
    authenticated,
    requires_roles,
    requires_scopes,
)
from backend.entrypoints.http.protect import protect
from backend.settings.authentication import AuthSettings
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.conftest import ADA, BOB, Clock, MakeApp

PAGE = "https://app.example.com"
COOKIE = "better-auth.session_data=ada-session"
BEARER = {"Authorization": "Bearer ada"}


async def until_closed(websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await websocket.receive_text()


async def tell_user(websocket: WebSocket, principal: CurrentPrincipal) -> None:
    await websocket.accept()
    await websocket.send_text(principal.user_id)
    await until_closed(websocket)


async def tell_optional_user(websocket: WebSocket, principal: OptionalPrincipal) -> None:
    await websocket.accept()
    await websocket.send_text(principal.user_id if principal else "nobody")
    await until_closed(websocket)


async def forgotten(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(
        [
            websocket.scope["subprotocols"],
            websocket.headers.getlist("sec-websocket-protocol"),
        ]
    )
    await until_closed(websocket)


async def chat(websocket: WebSocket, principal: CurrentPrincipal) -> None:
    await websocket.accept("chat")
    await websocket.send_text(principal.user_id)


@pytest.fixture
def sessions() -> FakeTokenVerifier:
    return FakeTokenVerifier({"ada-session": ADA})


@pytest.fixture
def websocket_app(
    verifier: FakeTokenVerifier, sessions: FakeTokenVerifier, clock: Clock
) -> FastAPI:
    """Return a plain app with every kind of WebSocket route."""
    app, mounted, inner, router = FastAPI(), FastAPI(), APIRouter(), APIRouter()
    app.websocket("/plain")(tell_user)
    app.websocket("/optional")(tell_optional_user)
    app.websocket("/public")(forgotten)
    app.websocket("/optional/{room}")(tell_optional_user)
    app.websocket("/chat")(chat)
    app.websocket("/scopes", dependencies=[requires_scopes("todos:read")])(tell_user)
    app.websocket("/roles", dependencies=[requires_roles("admin")])(tell_user)
    inner.websocket("/included")(tell_user)
    inner.websocket("/optional")(tell_optional_user)
    router.include_router(inner, prefix="/inner")
    app.include_router(router, prefix="/outer")
    mounted.websocket("/ws")(tell_user)
    mounted.router.add_websocket_route("/forgotten", forgotten)  # the startup check reads no more
    mounted.websocket("/optional")(tell_optional_user)
    app.mount("/mounted", mounted)
    settings = AuthSettings.load(
        better_auth_secret="s" * 32, auth_cookie="compact", cors_origins=PAGE
    )
    parts = {"token_verifier": verifier, "session_verifier": sessions, "clock": clock}
    protect(app, public=["/public"], container=AuthContainer(settings=settings, **parts))
    return app


def opened(app: Any, path: str, **options: Any) -> Any:
    """Open a WebSocket. The client changes the headers that it gets."""
    return TestClient(app).websocket_connect(
        path, **{**options, "headers": {**options.get("headers", {})}}
    )


def first_message(app: FastAPI, path: str, **options: Any) -> str:
    """Open a WebSocket; return its first message."""
    with opened(app, path, **options) as websocket:
        return str(websocket.receive_text())


def problem(app: FastAPI, path: str, **options: Any) -> tuple[int, str]:
    """Open a WebSocket that is refused; return the status and the code of the problem."""
    with pytest.raises(WebSocketDenialResponse) as denied:
        first_message(app, path, **options)
    response = denied.value
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


PROTECTED = [
    "/plain",
    "/outer/inner/included",
    "/mounted/ws",
    "/mounted/forgotten",
    "/chat",
    "/scopes",
    "/roles",
]
OPTIONAL = ["/optional", "/optional/7", "/outer/inner/optional", "/mounted/optional"]


@pytest.mark.parametrize("path", ["/plain", "/outer/inner/included", "/mounted/ws", "/scopes"])
def test_a_header_or_a_subprotocol_authenticates(websocket_app: FastAPI, path: str) -> None:
    assert first_message(websocket_app, path, headers=BEARER) == "ada"
    assert first_message(websocket_app, path, subprotocols=["bearer", "ada"]) == "ada"


@pytest.mark.parametrize("path", PROTECTED)
def test_anonymous_handshakes_get_401(websocket_app: FastAPI, path: str) -> None:
    with pytest.raises(WebSocketDenialResponse) as denied:
        first_message(websocket_app, path)
    response = denied.value
    assert (response.status_code, response.json()["code"]) == (401, "missing_token")
    assert response.headers["www-authenticate"] == 'Bearer realm="api"'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [*PROTECTED, *OPTIONAL])
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"headers": {"Authorization": "Bearer mallory"}}, "invalid_token"),
        ({"subprotocols": ["bearer", "mallory"]}, "invalid_token"),
        ({"subprotocols": ["bearer"]}, "malformed_authorization"),
        ({"subprotocols": ["bearer", "a/b"]}, "malformed_authorization"),
        ({"subprotocols": ["bearer", "ada"], "headers": BEARER}, "malformed_authorization"),
    ],
)
def test_bad_credentials_get_401(
    websocket_app: FastAPI, path: str, options: dict[str, Any], code: str
) -> None:
    assert problem(websocket_app, path, **options) == (401, code)


@pytest.mark.parametrize("path", OPTIONAL)
def test_an_optional_principal_may_be_missing(websocket_app: FastAPI, path: str) -> None:
    assert first_message(websocket_app, path) == "nobody"
    assert first_message(websocket_app, path, headers=BEARER) == "ada"
    assert first_message(websocket_app, path, subprotocols=["bearer", "ada"]) == "ada"


@pytest.mark.parametrize(
    ("path", "code"), [("/scopes", "insufficient_scope"), ("/roles", "missing_role")]
)
def test_missing_rights_get_403(websocket_app: FastAPI, path: str, code: str) -> None:
    assert problem(websocket_app, path, subprotocols=["bearer", "bob"]) == (403, code)


def test_an_outage_gets_503(websocket_app: FastAPI, verifier: FakeTokenVerifier) -> None:
    verifier.known["late"] = VerifierUnavailableError("down", retry_after=3)
    with pytest.raises(WebSocketDenialResponse) as denied:
        first_message(websocket_app, "/plain", subprotocols=["bearer", "late"])
    assert (denied.value.status_code, denied.value.headers["retry-after"]) == (503, "3")


def test_an_expired_token_gets_401(websocket_app: FastAPI, verifier: FakeTokenVerifier) -> None:
    verifier.known["old"] = ExpiredTokenError("old")
    assert problem(websocket_app, "/plain", subprotocols=["bearer", "old"]) == (
        401,
        "token_expired",
    )


def test_a_cookie_needs_a_trusted_origin(websocket_app: FastAPI) -> None:
    headers = {"Cookie": COOKIE, "Origin": PAGE}
    assert first_message(websocket_app, "/plain", headers=headers) == "ada"
    same_site = {**headers, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "websocket"}
    assert first_message(websocket_app, "/plain", headers=same_site) == "ada"


@pytest.mark.parametrize("path", ["/plain", *OPTIONAL])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": f"{PAGE}.evil.example"},
        {"Origin": PAGE.upper()},
        {"Origin": PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_cookie_without_a_trusted_origin_gets_403(
    websocket_app: FastAPI, path: str, headers: dict[str, str]
) -> None:
    sent = {"Cookie": COOKIE, **headers}
    assert problem(websocket_app, path, headers=sent) == (403, "origin_not_allowed")


def test_a_token_comes_before_a_cookie_and_needs_no_origin(websocket_app: FastAPI) -> None:
    headers = {"Cookie": COOKIE, "Origin": "https://evil.example"}
    options: dict[str, Any] = {"headers": headers, "subprotocols": ["bearer", "bob"]}
    assert first_message(websocket_app, "/plain", **options) == "bob"


@pytest.mark.parametrize("path", ["/mounted/forgotten", "/public"])
@pytest.mark.parametrize(
    ("offered", "left"), [(["bearer", "ada"], []), (["chat", "bearer", "ada"], ["chat"])]
)
def test_the_endpoint_does_not_see_the_token_as_a_subprotocol(
    websocket_app: FastAPI, path: str, offered: list[str], left: list[str]
) -> None:
    with opened(websocket_app, path, subprotocols=offered) as websocket:
        assert websocket.receive_json() == [left, left]
        assert websocket.accepted_subprotocol == "bearer"


def test_a_subprotocol_that_the_endpoint_selects_is_kept(websocket_app: FastAPI) -> None:
    offered = ["bearer", "ada", "chat"]
    with opened(websocket_app, "/chat", subprotocols=offered) as websocket:
        assert websocket.accepted_subprotocol == "chat"
    with opened(websocket_app, "/plain", headers=BEARER) as websocket:
        assert websocket.accepted_subprotocol is None


def test_a_public_route_ignores_credentials(websocket_app: FastAPI) -> None:
    for options in ({}, {"subprotocols": ["bearer", "mallory"]}):
        assert first_message(websocket_app, "/public", **options) == "[[],[]]"


def test_an_unknown_path_is_closed_for_everyone(websocket_app: FastAPI) -> None:
    for headers in ({}, BEARER):
        with pytest.raises(WebSocketDisconnect) as closed:
            first_message(websocket_app, "/unknown", headers=headers)
        assert not isinstance(closed.value, WebSocketDenialResponse)


@pytest.mark.parametrize("path", ["/plain", "/mounted/forgotten", "/mounted/optional", *OPTIONAL])
@pytest.mark.parametrize(
    "options", [{"headers": BEARER}, {"subprotocols": ["bearer", "ada"]}, {"cookies": True}]
)
def test_the_connection_is_closed_when_the_credential_expires(
    websocket_app: FastAPI,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    options: dict[str, Any],
) -> None:
    monkeypatch.setattr(websockets, "CHECK_INTERVAL", 0.01)
    if "cookies" in options:
        options = {"headers": {"Cookie": COOKIE, "Origin": PAGE}}
    with opened(websocket_app, path, **options) as websocket:
        websocket.receive_text()
        clock.advance(hours=1, seconds=9)  # the leeway is 10 s
        clock.advance(seconds=1)
        with pytest.raises(WebSocketDisconnect) as closed:
            websocket.receive_text()
        assert (closed.value.code, closed.value.reason) == (3000, "token_expired")


def test_the_connection_stays_open_during_the_leeway(
    websocket_app: FastAPI, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "CHECK_INTERVAL", 0.01)

    @websocket_app.websocket("/echo")
    async def echo(websocket: WebSocket, principal: CurrentPrincipal) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    with opened(websocket_app, "/echo", headers=BEARER) as websocket:
        clock.advance(hours=1, seconds=9)
        websocket.send_text("late")
        assert websocket.receive_text() == "late"


@pytest.mark.parametrize("path", ["/plain", "/outer/inner/included", "/optional"])
@pytest.mark.parametrize("options", [{}, {"headers": BEARER}, {"subprotocols": ["bearer", "x"]}])
def test_an_override_replaces_the_principal(
    websocket_app: FastAPI, path: str, options: dict[str, Any]
) -> None:
    websocket_app.dependency_overrides[authenticated] = lambda: BOB
    assert first_message(websocket_app, path, **options) == "bob"


@pytest.mark.parametrize("outcome", [None, "mallory"])
def test_a_server_that_sends_no_responses_closes_the_handshake(
    websocket_app: FastAPI, outcome: str | None, make_app: MakeApp
) -> None:
    async def without_extension(scope: Any, receive: Any, send: Any) -> None:
        scope.pop("extensions", None)
        await websocket_app(scope, receive, send)

    headers = {"Authorization": f"Bearer {outcome}"} if outcome else {}
    for path in ("/plain", "/optional") if outcome else ("/plain",):
        with (
            pytest.raises(WebSocketDisconnect) as closed,
            opened(without_extension, path, headers=headers),
        ):
            pass
        assert not isinstance(closed.value, WebSocketDenialResponse)


def test_the_log_names_the_reason_and_not_the_token(
    websocket_app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "backend")
    assert problem(websocket_app, "/plain", subprotocols=["bearer", "SECRET"])[0] == 401
    assert problem(websocket_app, "/plain", subprotocols=["bearer", "SE/CRET"])[0] == 401
    assert "SECRET" not in caplog.text
    assert "SE/CRET" not in caplog.text
    reasons = [getattr(record, "reason", None) for record in caplog.records]
    assert reasons == ["invalid_token", "malformed_authorization"]


def test_an_endpoint_gets_the_principal_as_an_argument(websocket_app: FastAPI) -> None:
    seen: list[Principal] = []
    register: Callable[..., Any] = websocket_app.websocket("/late")

    @register
    async def late(websocket: WebSocket, principal: CurrentPrincipal) -> None:
        await websocket.accept()
        seen.append(principal)

    with opened(websocket_app, "/late", headers=BEARER):
        pass
    assert seen == [ADA]


async def handshake(app: FastAPI, path: str, **members: Any) -> list[Any]:
    """Send the scope of a handshake, as a server may write it; return the messages of the app."""
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        "state": {},
        **members,
    }
    messages = [{"type": "websocket.disconnect", "code": 1000}, {"type": "websocket.connect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.mark.anyio
async def test_a_handshake_with_a_method_needs_a_trusted_origin_too(websocket_app: FastAPI) -> None:
    sent = await handshake(
        websocket_app, "/plain", method="GET", headers=[(b"cookie", COOKIE.encode())]
    )
    assert sent[0]["status"] == 403


@pytest.mark.anyio
@pytest.mark.parametrize("byte", ["\xff", "\udcff"])
async def test_a_subprotocol_with_other_characters_is_not_an_error(
    websocket_app: FastAPI, byte: str
) -> None:
    sent = await handshake(websocket_app, "/plain", subprotocols=["bearer", "ada", byte])
    assert sent[0]["type"] == "websocket.accept"


def test_a_principal_below_a_copied_scope_expires_too(
    websocket_app: FastAPI, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "CHECK_INTERVAL", 0.01)
    inner = FastAPI()
    inner.websocket("/optional")(tell_optional_user)

    class Copy:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope}, receive, send)

    websocket_app.mount("/copied", Copy(inner))
    with opened(websocket_app, "/copied/optional", headers=BEARER) as websocket:
        assert websocket.receive_text() == "ada"
        clock.advance(hours=1, seconds=10)
        with pytest.raises(WebSocketDisconnect) as closed:
            websocket.receive_text()
        assert closed.value.code == 3000
