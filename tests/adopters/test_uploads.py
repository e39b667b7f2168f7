"""Forms and files."""

import pytest

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer

LARGE = b"x" * 2_000_000  # larger than the limit of the Todo API, which other apps do not have


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("uploads:app")


def test_a_user_uploads_a_large_file(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        files = {"picture": ("cat.png", LARGE)}
        response = ada.post("/pictures", data={"title": "Cat"}, files=files)
        assert response.json() == {"title": "Cat", "bytes": len(LARGE), "owner": "ada"}
        assert ada.post("/raw", files=files).json() == len(LARGE)


def test_anonymous_uploads_get_401(server: AppServer) -> None:
    with server.connect() as anonymous:
        response = anonymous.post("/pictures", files={"picture": ("cat.png", b"x")})
        assert response.status_code == 401
        assert anonymous.post("/pictures", content=b"not a form").status_code == 401
