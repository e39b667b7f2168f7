"""Routes that everyone may use, and that know users who have signed in."""

import pytest

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("optional:app")


def test_anonymous_readers_have_no_principal(server: AppServer) -> None:
    with server.connect() as anonymous:
        assert anonymous.get("/articles").json() == {"reader": None}
        assert anonymous.post("/articles/1/likes").json() == "1 anonymous"


def test_users_get_their_principal(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/articles").json() == {"reader": "ada"}
        assert ada.post("/articles/1/likes").json() == "1 ada"


def test_bad_credentials_get_401_on_optional_routes_too(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect(key_server.token(exp=1)) as client:
        response = client.get("/articles")
        assert response.status_code == 401
        assert response.json()["code"] == "token_expired"
        assert client.get("/about").json() == "about"  # a public route reads no credentials


def test_a_protected_route_before_a_public_template_stays_protected(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect() as anonymous:
        assert anonymous.get("/plans/mine").status_code == 401
        assert anonymous.get("/plans/large").json() == "large"
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/plans/mine").json() == "plan of ada"


def test_the_document_says_that_credentials_are_optional(server: AppServer) -> None:
    with server.connect() as anonymous:
        paths = anonymous.get("/openapi.json").json()["paths"]
    assert {"Bearer": []} in paths["/articles"]["get"]["security"]
    assert paths["/plans/mine"]["get"]["security"] == [{"Bearer": []}]
    assert "security" not in paths["/about"]["get"]
