"""Which routes and mounts the public paths open, and which they do not open by mistake."""

from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from fastapi.testclient import TestClient

from backend.entrypoints.http import CurrentPrincipal, protect
from backend.entrypoints.http.auth.startup_check import UnprotectedRouteError
from backend.settings.authentication import AuthSettings
from tests.settings.environment import SECRET

SETTINGS = AuthSettings.load(better_auth_secret=SECRET)


@pytest.fixture
def files(tmp_path: Path) -> StaticFiles:
    """A front end with a page and a script."""
    (tmp_path / "index.html").write_text("index")
    (tmp_path / "app.js").write_text("script")
    return StaticFiles(directory=tmp_path, html=True)


@pytest.fixture
def app() -> FastAPI:
    """An app with a route that needs a principal."""
    app = FastAPI()

    @app.get("/me")
    async def read_me(principal: CurrentPrincipal) -> str:
        return principal.user_id

    return app


def statuses(app: FastAPI, *paths: str) -> list[int]:
    """Return the status codes that anonymous requests get."""
    with TestClient(app) as client:
        return [client.get(path).status_code for path in paths]


@pytest.mark.parametrize("public", ["/", ""])
def test_a_mount_at_the_root_may_be_public(app: FastAPI, files: StaticFiles, public: str) -> None:
    app.mount("/", files)
    protect(app, public=[public], settings=SETTINGS)
    assert statuses(app, "/", "/app.js", "/nothing", "/me") == [200, 200, 404, 401]


def test_a_public_index_opens_no_mount_at_the_root(app: FastAPI, files: StaticFiles) -> None:
    @app.get("/")
    async def read_index() -> str:
        return "Welcome"

    app.mount("/", files)
    protect(app, public=["/"], settings=SETTINGS)
    assert statuses(app, "/", "/app.js", "/nothing", "/me") == [200, 401, 401, 401]


@pytest.mark.parametrize("mounted", ["/static", "/static/"])
@pytest.mark.parametrize("public", ["/static", "/static/"])
def test_a_slash_at_the_end_of_a_mount_changes_nothing(
    app: FastAPI, files: StaticFiles, mounted: str, public: str
) -> None:
    app.mount(mounted, files)
    protect(app, public=[public], settings=SETTINGS)
    assert statuses(app, "/static/", "/static/app.js", "/me") == [200, 200, 401]


def test_a_mount_below_the_path_of_the_documentation_is_not_public(
    app: FastAPI, files: StaticFiles
) -> None:
    app.mount("/docs", files)
    protect(app, settings=SETTINGS)
    assert statuses(app, "/docs", "/docs/", "/docs/app.js") == [200, 401, 401]


def test_an_endpoint_with_the_path_of_the_documentation_must_take_a_principal(
    app: FastAPI,
) -> None:
    @app.post("/docs")
    async def add_document() -> None: ...

    protect(app, settings=SETTINGS)
    with pytest.raises(UnprotectedRouteError, match="/docs"), TestClient(app):
        pass


def test_the_index_of_a_mounted_app_may_be_public_alone(app: FastAPI) -> None:
    inner = FastAPI()

    @inner.get("/")
    async def read_index() -> str:
        return "Welcome"

    @inner.get("/me")
    async def read_me(principal: CurrentPrincipal) -> str:
        return principal.user_id

    app.mount("/inner", inner)
    protect(app, public=["/inner/"], settings=SETTINGS)
    assert statuses(app, "/inner/", "/inner/me", "/inner/docs") == [200, 401, 200]


def test_a_public_path_opens_no_route_below_it(app: FastAPI) -> None:
    async def read_all(request: Request) -> PlainTextResponse:
        return PlainTextResponse("all")

    app.add_route("/notes", read_all)
    app.add_route("/notes/{name:path}", read_all)
    protect(app, public=["/notes"], settings=SETTINGS)
    assert statuses(app, "/notes", "/notes/", "/notes/1") == [200, 401, 401]
