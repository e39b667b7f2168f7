"""Scopes and roles: on routes, on routers, as parameters and in dependencies."""

import pytest

from backend.testing import RESOURCE, Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    """An API that takes tokens of the issuer and OAuth access tokens for itself."""
    return serve("scoped:app")


@pytest.fixture(scope="module")
def resource_server(serve: ServeApp, key_server: Issuer) -> AppServer:
    """The same API as an OAuth resource server."""
    return serve("scoped:app", AUTH_ISSUER=key_server.oauth_issuer, AUTH_AUDIENCE=RESOURCE)


READ = ("/notes", "/drafts", "/titles")


@pytest.mark.parametrize("path", READ)
def test_a_scope_opens_the_routes_that_require_the_scope(
    resource_server: AppServer, key_server: Issuer, path: str
) -> None:
    with resource_server.connect(key_server.access_token("openid notes:read", sub="ada")) as ada:
        response = ada.get(path)
    assert response.status_code == 200
    assert "ada" in response.text


@pytest.mark.parametrize("path", READ)
def test_a_missing_scope_is_named(
    resource_server: AppServer, key_server: Issuer, path: str
) -> None:
    with resource_server.connect(key_server.access_token("openid")) as client:
        response = client.get(path)
    assert response.status_code == 403
    assert response.json()["code"] == "insufficient_scope"
    challenge = response.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="notes:read"' in challenge


def test_a_route_may_require_several_scopes(resource_server: AppServer, key_server: Issuer) -> None:
    with resource_server.connect(key_server.access_token("notes:read")) as reader:
        response = reader.post("/notes")
        assert response.status_code == 403
        assert 'scope="notes:read notes:write"' in response.headers["WWW-Authenticate"]
    with resource_server.connect(key_server.access_token("notes:write notes:read")) as writer:
        assert writer.post("/notes").status_code == 200


def test_roles_open_routes_and_routers(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada", role="admin")) as admin:
        assert admin.get("/audit").json() == "ada"
        assert admin.get("/admin/users").json() == []
        assert admin.delete("/admin/users/bob").status_code == 403  # the scope is missing
    with server.connect(key_server.token(role="user")) as user:
        for path in ("/audit", "/admin/users"):
            response = user.get(path)
            assert response.status_code == 403
            assert response.json()["code"] == "missing_role"


def test_anonymous_requests_get_401_and_not_403(server: AppServer) -> None:
    with server.connect() as anonymous:
        for path in (*READ, "/audit", "/admin/users"):
            assert anonymous.get(path).status_code == 401


def test_the_document_names_the_scopes(server: AppServer) -> None:
    with server.connect() as anonymous:
        paths = anonymous.get("/openapi.json").json()["paths"]
    for path in READ:
        assert paths[path]["get"]["security"] == [{"Bearer": ["notes:read"]}]
    assert paths["/audit"]["get"]["security"] == [{"Bearer": []}]
