"""Routers with prefixes and dependencies, plain and async endpoints, streams, background tasks."""

import pytest

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer
from tests.e2e.processes import wait_for

PATHS = (
    "/v1/api/reports",
    "/v1/api/reports/weekly/lines",
    "/v1/api/reports/weekly/events",
    "/v1/api/teams/mine",
    "/v1/api/teams/invitations",
    "/v1/api/fast/mine",
)


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("routed:app")


@pytest.mark.parametrize("path", PATHS)
def test_every_route_of_every_router_needs_a_principal(server: AppServer, path: str) -> None:
    with server.connect() as anonymous:
        response = anonymous.get(path)
    assert response.status_code == 401
    assert response.json()["code"] == "missing_token"


def test_a_router_may_require_the_principal_for_all_of_its_routes(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/v1/api/reports").json() == ["weekly"]


def test_dependencies_and_fast_routes_get_the_principal(
    server: AppServer, key_server: Issuer
) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/v1/api/teams/mine?team=blue").json() == "ada@blue"
        assert ada.get("/v1/api/fast/mine").json() == "ada"


def test_responses_may_be_streams(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        with ada.stream("GET", "/v1/api/reports/weekly/lines") as response:
            assert list(response.iter_lines()) == [f"weekly {n} ada" for n in range(3)]
        events = ada.get("/v1/api/reports/weekly/events")
    assert events.text == "data: weekly\n\ndata: ada\n\n"
    assert events.headers["Cache-Control"] == "private, no-cache"


def test_background_tasks_run_after_the_response(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.post("/v1/api/teams/invitations").status_code == 202
        wait_for(lambda: ada.get("/v1/api/teams/invitations").json() == ["ada"] or None)
    with server.connect(key_server.token(sub="bob")) as bob:
        assert bob.get("/v1/api/teams/invitations").json() == []


def test_the_document_shows_the_scheme_on_every_operation(server: AppServer) -> None:
    with server.connect() as anonymous:
        paths = anonymous.get("/openapi.json").json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert len(operations) == len(PATHS) + 1
    for operation in operations:
        assert operation["security"] == [{"Bearer": []}]
