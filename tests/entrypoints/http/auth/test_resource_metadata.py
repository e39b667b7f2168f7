"""Clients discover the authorization server (RFC 9728)."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocket

from backend.entrypoints.http import CurrentPrincipal, protect, requires_roles, requires_scopes
from backend.entrypoints.http.auth.resource_metadata import ResourceMetadata
from backend.settings.authentication import AuthSettings
from backend.testing import RESOURCE, Issuer
from tests.entrypoints.http.conftest import MakeApp

PATH = "/.well-known/oauth-protected-resource"
METADATA = f'resource_metadata="{RESOURCE}{PATH}"'
ANY_ORIGIN = {"Origin": "https://assistant.example.com"}

MakeProtected = Callable[..., FastAPI]


@pytest.fixture
def make_protected(issuer: Issuer) -> MakeProtected:
    """Return a function that makes a protected app with scopes, a role and a WebSocket."""

    def make(**settings: Any) -> FastAPI:
        app = FastAPI()

        @app.get("/notes", dependencies=[requires_scopes("notes:read")])
        async def list_notes(principal: CurrentPrincipal) -> str:
            return principal.user_id

        @app.post("/notes", dependencies=[requires_scopes("notes:write", "notes:read")])
        async def add_note(principal: CurrentPrincipal) -> str:
            return principal.user_id

        @app.get("/audit", dependencies=[requires_roles("admin")])
        async def audit(_: CurrentPrincipal) -> None: ...

        @app.get("/{path:path}")
        async def catch_all(path: str, _: CurrentPrincipal) -> None: ...

        @app.websocket("/live")
        async def live(websocket: WebSocket, _: CurrentPrincipal) -> None:
            await websocket.accept()

        protect(app, settings=issuer.settings(**{"auth_resource": RESOURCE, **settings}))
        return app

    return make


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_everybody_may_read_the_metadata(make_protected: MakeProtected, issuer: Issuer) -> None:
    app = make_protected()
    for _ in range(2):  # an app may start twice
        with TestClient(app) as client:
            for headers in (ANY_ORIGIN, bearer("invalid"), bearer(issuer.token())):
                response = client.get(PATH, headers=headers)
                assert response.status_code == 200
                assert response.json() == {
                    "resource": RESOURCE,
                    "authorization_servers": [issuer.oauth_issuer],
                    "bearer_methods_supported": ["header"],
                    "scopes_supported": ["notes:read", "notes:write"],
                }
                assert response.headers["access-control-allow-origin"] == "*"
                assert response.headers["cache-control"] == "public, max-age=3600"
            assert client.head(PATH).status_code == 200
            assert client.post(PATH).status_code in {401, 405}
            assert client.get(f"{PATH}/other").status_code == 401


def test_a_browser_may_send_headers_of_its_own(make_protected: MakeProtected) -> None:
    request_headers = {
        **ANY_ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    with TestClient(make_protected()) as client:
        response = client.options(PATH, headers=request_headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-headers"] == "*"


def test_every_challenge_names_the_metadata(make_protected: MakeProtected, issuer: Issuer) -> None:
    with TestClient(make_protected()) as client:
        for headers, path, status in [
            ({}, "/notes", 401),
            (bearer("invalid"), "/notes", 401),
            ({"Authorization": "Basic eDp4"}, "/notes", 401),
            (bearer(issuer.token()), "/notes", 403),
            (bearer(issuer.access_token("openid", sub="ada")), "/notes", 403),
            (bearer(issuer.token()), "/audit", 403),
        ]:
            response = client.get(path, headers=headers)
            assert response.status_code == status
            challenge = response.headers["www-authenticate"]
            assert challenge.startswith("Bearer realm=")
            assert challenge.endswith(f", {METADATA}")


def test_the_refused_handshake_of_a_websocket_names_the_metadata(
    make_protected: MakeProtected,
) -> None:
    with TestClient(make_protected()) as client:
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/live"):
            pass
        assert denied.value.headers["www-authenticate"].endswith(f", {METADATA}")


def test_challenges_of_the_todo_api_name_the_metadata(make_app: MakeApp) -> None:
    app = make_app(
        better_auth_url="http://127.0.0.1:9",
        auth_resource="http://127.0.0.1:8000",
        auth_require_scopes=True,
        public=("/refuse/{status}",),
    )

    @app.get("/refuse/{status}")
    async def refuse(status: int) -> None:
        raise HTTPException(status)

    url = "http://127.0.0.1:8000/.well-known/oauth-protected-resource"
    with TestClient(app) as client:
        assert client.get(PATH).json()["scopes_supported"] == ["todos:read", "todos:write"]
        assert client.get(PATH).headers["x-request-id"]
        for path in ("/api/todos", "/refuse/401", "/refuse/403"):
            challenge = client.get(path).headers["www-authenticate"]
            assert challenge.endswith(f', resource_metadata="{url}"')


def test_pages_of_every_origin_read_the_metadata_with_any_cors_settings(make_app: MakeApp) -> None:
    origins = ("https://app.example.com",)
    settings = {"better_auth_url": "http://127.0.0.1:9", "auth_resource": RESOURCE}
    with TestClient(make_app(**settings, cors_origins=origins)) as client:
        for origin, allowed in [(*ANY_ORIGIN.values(), "*"), (*origins, *origins)]:
            response = client.get(PATH, headers={"Origin": origin})
            assert response.headers["access-control-allow-origin"] == allowed


def test_nothing_is_served_or_named_without_a_resource(make_protected: MakeProtected) -> None:
    with TestClient(make_protected(auth_resource=None)) as client:
        response = client.get(PATH)
        assert response.status_code == 401
        assert "resource_metadata" not in response.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("resource", "url", "path"),
    [
        (RESOURCE, f"{RESOURCE}{PATH}", PATH),
        (f"{RESOURCE}/", f"{RESOURCE}{PATH}", PATH),
        (f"{RESOURCE}/v1/todos", f"{RESOURCE}{PATH}/v1/todos", f"{PATH}/v1/todos"),
        ("http://[::1]:8000/a", f"http://[::1]:8000{PATH}/a", f"{PATH}/a"),
        (f"{RESOURCE}/caf%C3%A9", f"{RESOURCE}{PATH}/caf%C3%A9", f"{PATH}/café"),
    ],
)
def test_the_well_known_path_comes_before_that_of_the_resource(
    resource: str, url: str, path: str
) -> None:
    metadata = ResourceMetadata(resource=resource, issuers=["https://app.example.com/api/auth"])
    assert (metadata.url, metadata.path) == (url, path)


def test_the_metadata_of_a_resource_with_a_path_are_served(issuer: Issuer) -> None:
    app = FastAPI()
    settings: AuthSettings = issuer.settings(auth_resource=f"{RESOURCE}/v1")
    protect(app, settings=settings)
    with TestClient(app) as client:
        assert client.get(f"{PATH}/v1").json()["resource"] == f"{RESOURCE}/v1"
        assert client.get(PATH).status_code == 404
