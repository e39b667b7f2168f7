"""A request has at most 64 query parameters, on every route."""

import pytest
from fastapi import FastAPI, Request
from httpx2 import Client

from backend.entrypoints.http.query_limit import PARAMETERS_MAX
from tests.entrypoints.http.conftest import MakeApp, MakeClient

LONG = "&".join(f"a{number}" for number in range(8_000))


def test_64_parameters_are_parsed(ada: Client) -> None:
    query = "&".join(f"name{number}=1" for number in range(PARAMETERS_MAX))
    response = ada.get(f"/api/todos?{query}")
    assert response.status_code == 422
    assert {error["field"] for error in response.json()["errors"]} <= set(
        query.replace("=1", "").split("&")
    )
    assert ada.get(f"/api/me?{query}").status_code == 200


@pytest.mark.parametrize("query", ["a" + "&" * PARAMETERS_MAX, "a=1&" * PARAMETERS_MAX, LONG])
@pytest.mark.parametrize("path", ["/api/todos", "/api/me", "/health/live", "/health/ready", "/no"])
def test_more_parameters_get_422(ada: Client, path: str, query: str) -> None:
    response = ada.get(f"{path}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    errors = [{"field": "query", "detail": "must have at most 64 parameters"}]
    assert response.json()["errors"] == errors
    assert response.headers["X-Request-ID"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_is_limited(anonymous: Client, method: str) -> None:
    assert anonymous.request(method, f"/api/todos?{LONG}").status_code == 422


def test_an_endpoint_never_sees_an_excessive_query(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app = make_app(public=("/api/echo",))
    parsed = []

    @app.get("/api/echo")
    async def echo(request: Request) -> int:
        parsed.append(request.query_params)
        return len(parsed)

    assert make_client(app).get("/api/echo?a=1&b=2").status_code == 200
    assert make_client(app).get(f"/api/echo?{LONG}").status_code == 422
    assert len(parsed) == 1


def test_pages_of_other_origins_can_read_the_error(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app: FastAPI = make_app(cors_origins=["https://app.example.com"])
    headers = {"Origin": "https://app.example.com"}
    response = make_client(app).get(f"/api/todos?{LONG}", headers=headers)
    assert response.status_code == 422
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
