"""The ways to start an app: an import string with reload, several processes, a factory."""

import shutil
from pathlib import Path

import httpx2
import pytest

from backend.testing import Issuer
from tests.adopters.conftest import ServeApp
from tests.adopters.servers import APPS, AppServer
from tests.e2e.processes import wait_for


def first_response(client: httpx2.Client, path: str) -> httpx2.Response:
    """Return the response of a server whose processes may still start."""

    def request() -> httpx2.Response | None:
        try:
            return client.get(path)
        except httpx2.TransportError:
            return None

    return wait_for(request, within=30)


@pytest.mark.parametrize("options", [["--reload"], ["--workers", "2"], ["--root-path", "/shop"]])
def test_uvicorn_takes_an_import_string(
    serve: ServeApp, key_server: Issuer, options: list[str]
) -> None:
    server = serve("plain:app", *options)
    with server.connect() as anonymous:
        assert first_response(anonymous, "/notes").status_code == 401
    for _ in range(4):  # new connections, so that every process gets some
        with server.connect(key_server.token(sub="ada")) as ada:
            assert first_response(ada, "/notes").json() == ["a note of ada"]
    server.stop()
    assert "Traceback" not in server.output


def test_uvicorn_takes_a_factory(serve: ServeApp, key_server: Issuer) -> None:
    server = serve("factory:create_app", "--factory")
    with server.connect(key_server.token(sub="ada")) as ada:
        assert ada.get("/notes").json() == ["a note of ada"]


def test_a_changed_app_is_loaded_again(python: Path, key_server: Issuer, tmp_path: Path) -> None:
    module = tmp_path / "main.py"
    shutil.copy(APPS / "plain.py", module)
    server = AppServer(
        python,
        *("uvicorn", "main:app", "--reload", "--port", "0"),
        log=tmp_path / "log",
        env=key_server.environment(),
        folder=tmp_path,
    )
    try:
        with server.connect() as anonymous:
            assert first_response(anonymous, "/").json() == "Welcome"
            module.write_text(module.read_text().replace('"Welcome"', '"Welcome back"'))

            def is_reloaded() -> bool | None:
                return first_response(anonymous, "/").json() == "Welcome back" or None

            wait_for(is_reloaded, within=30)
            assert anonymous.get("/notes").status_code == 401
        with server.connect(key_server.token(sub="ada")) as ada:
            assert ada.get("/notes").json() == ["a note of ada"]
    finally:
        server.stop()


def test_a_forgotten_principal_stops_the_start_and_names_the_route(serve: ServeApp) -> None:
    with pytest.raises(RuntimeError, match=r"unprotected routes: /admin/users/\{user\}, /metrics"):
        serve("forgotten:app")
