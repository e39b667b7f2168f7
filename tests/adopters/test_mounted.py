"""Static files, a Starlette app and a FastAPI app below a protected app."""

import pytest

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("mounted:app")


@pytest.mark.parametrize(
    "path",
    [
        "/me",
        "/admin/",
        "/admin/docs/oauth",
        "/legacy/pages/home",
        "/private/plain.py",
        "/private/nothing.py",
        "/private/../private/plain.py",
        "/public/../private/plain.py",
        "/public/%2e%2e/private/plain.py",
    ],
)
def test_mounts_need_a_principal(server: AppServer, path: str) -> None:
    with server.connect() as anonymous:
        response = anonymous.get(path)
    assert response.status_code in {401, 404}
    assert response.status_code == 401 or "private" not in path or path.startswith("/public")


def test_a_user_reaches_all_mounts(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/me").json() == "ada"
        assert ada.get("/admin/").json() == "admin for ada"
        assert ada.get("/legacy/pages/home").text == "legacy home"
        assert "FastAPI" in ada.get("/private/plain.py").text
        assert ada.get("/private/nothing.py").status_code == 404


def test_a_mount_and_a_route_of_a_mounted_app_may_be_public(server: AppServer) -> None:
    with server.connect() as anonymous:
        assert "FastAPI" in anonymous.get("/public/plain.py").text
        assert anonymous.head("/public/plain.py").status_code == 200
        assert anonymous.get("/public/nothing.py").status_code == 404
        assert anonymous.get("/admin/status").json() == "up"
        assert anonymous.get("/admin/openapi.json").status_code == 200


def test_private_files_are_not_stored_by_shared_caches(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect(key_server.token()) as client:
        response = client.get("/private/plain.py")
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_authorization_errors_in_a_mounted_app_are_problems(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect(key_server.token(role="user")) as user:
        response = user.delete("/admin/users/bob")
        assert response.status_code == 403
        assert response.json()["code"] == "missing_role"
    with server.connect(key_server.token(role="admin")) as admin:
        assert admin.delete("/admin/users/bob").json() == "deleted bob"
    with server.connect() as anonymous:
        assert anonymous.get("/admin/help").json() == "help"
    with server.connect(key_server.token(exp=1)) as late:
        response = late.get("/admin/help")
        assert response.status_code == 401
        assert response.json()["code"] == "token_expired"
