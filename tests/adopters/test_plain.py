"""The smallest app, in an environment that has the wheel alone."""

import subprocess
from pathlib import Path

import pytest

from backend.testing import InvalidToken, Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import AppServer


@pytest.fixture(scope="module")
def server(serve: ServeApp) -> AppServer:
    return serve("plain:app")


def test_the_environment_has_no_extras(python: Path) -> None:
    script = "import backend, sys; print(backend.__file__)\nimport {package}"
    for package in ("sqlalchemy", "asyncpg", "typer", "prometheus_client", "pytest"):
        command = [str(python), "-I", "-c", script.format(package=package)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert Path(result.stdout.strip()).is_relative_to(python.parents[2])
        assert f"No module named '{package}'" in result.stderr


def test_a_user_reads_and_writes_with_a_real_token(server: AppServer, key_server: Issuer) -> None:
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/notes").json() == ["a note of ada"]
        response = ada.post("/notes", json={"text": "buy milk"})
    assert response.status_code == 201
    assert response.json() == {"text": "buy milk", "author": "ada"}


def test_anonymous_requests_get_a_problem_with_a_challenge(server: AppServer) -> None:
    with server.connect() as anonymous:
        for response in (anonymous.get("/notes"), anonymous.post("/notes", content=b"not JSON")):
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["code"] == "missing_token"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (InvalidToken.EXPIRED, "token_expired"),
        (InvalidToken.WRONG_AUDIENCE, "invalid_token"),
        (InvalidToken.WRONG_KEY, "invalid_token"),
        (InvalidToken.UNSIGNED, "invalid_token"),
    ],
)
def test_invalid_tokens_get_401(
    server: AppServer, key_server: Issuer, kind: InvalidToken, code: str
) -> None:
    with server.connect(key_server.invalid_token(kind)) as client:
        response = client.get("/notes")
    assert response.status_code == 401
    assert response.json()["code"] == code
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_public_routes_and_the_documentation_are_open(server: AppServer) -> None:
    with server.connect() as anonymous:
        assert anonymous.get("/").json() == "Welcome"
        assert anonymous.get("/docs").status_code == 200
        operations = anonymous.get("/openapi.json").json()["paths"]
    assert operations["/notes"]["get"]["security"] == [{"Bearer": []}]
    assert "security" not in operations["/"]["get"]


def test_unknown_paths_and_methods_get_404_and_405(server: AppServer) -> None:
    with server.connect() as anonymous:
        assert anonymous.get("/nothing").status_code == 404
        assert anonymous.put("/notes").status_code == 405
        assert anonymous.get("/notes/", follow_redirects=False).status_code == 307


def test_the_server_stops_without_a_complaint(serve: ServeApp, key_server: Issuer) -> None:
    server = serve("plain:app")
    with server.connect(key_server.token()) as client:
        assert client.get("/notes").status_code == 200
    server.stop()
    assert "Traceback" not in server.output
    assert "Finished server process" in server.output


def test_a_missing_setting_stops_the_start_and_is_named(serve: ServeApp) -> None:
    with pytest.raises(RuntimeError, match="Set BETTER_AUTH_URL"):
        serve("plain:app", BETTER_AUTH_URL="")


def test_a_token_of_a_new_key_is_accepted(server: AppServer, key_server: Issuer) -> None:
    key_server.rotate()
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/notes").json() == ["a note of ada"]
