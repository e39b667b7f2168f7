"""An app with its own errors, middleware, CORS and lifespan keeps them."""

import pytest

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer

SHOP = "https://shop.example.com"


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("customized:app")


def test_the_state_of_the_lifespan_arrives(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/greeting").json() == "hello, ada"


def test_a_401_carries_the_headers_of_the_middleware_and_of_cors(server: AppServer) -> None:
    with server.connect() as anonymous:
        response = anonymous.get("/greeting", headers={"Origin": SHOP})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == SHOP
    assert response.headers["X-Version"] == "7"
    assert response.headers["WWW-Authenticate"]
    assert response.json()["code"] == "missing_token"  # not the handler of `Exception`


def test_a_preflight_needs_no_token(server: AppServer) -> None:
    with server.connect() as anonymous:
        headers = {
            "Origin": SHOP,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        response = anonymous.options("/greeting", headers=headers)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == SHOP
    assert "authorization" in response.headers["Access-Control-Allow-Headers"].lower()


def test_a_503_carries_the_headers_of_cors(serve: ServeApp) -> None:
    server = serve("customized:app", AUTH_JWKS_URL="http://127.0.0.1:9/jwks")
    with Issuer() as other, server.connect(other.token()) as client:
        response = client.get("/greeting", headers={"Origin": SHOP})
    assert response.status_code == 503
    assert response.headers["Access-Control-Allow-Origin"] == SHOP
    assert int(response.headers["Retry-After"]) >= 1


def test_the_errors_of_the_app_are_answered_by_its_handlers(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect(key_server.token()) as client:
        answers = {
            path: (response.status_code, response.json())
            for path in ("/items/0", "/items/1", "/items/x", "/items/3", "/items/2")
            for response in [client.get(path)]
        }
    assert answers == {
        "/items/0": (409, {"error": "out of stock"}),
        "/items/1": (404, {"error": "No such item"}),
        "/items/2": (500, {"error": "ZeroDivisionError"}),
        "/items/x": (400, {"error": "invalid"}),
        "/items/3": (200, 1),
    }
