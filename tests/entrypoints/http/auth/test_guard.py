"""The guard authenticates every request of any app, unless the route is open."""

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request
from fastapi.responses import Response, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from backend.container.authentication import AuthContainer
from backend.domain.auth import Principal, VerifierUnavailableError
from backend.entrypoints.http import (
    CurrentPrincipal,
    OptionalPrincipal,
    ProtectedRoute,
    authenticated,
    protect,
)
from backend.settings.authentication import AuthSettings
from backend.testing import FakeTokenVerifier, principal
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import ADA, JSON, MALLORY, assert_unauthorized
from tests.entrypoints.http.conftest import MakeApp

OUTAGE = (b"authorization", b"Bearer outage")
TOKENS: dict[str, Principal | Exception] = {
    "ada": principal("ada"),
    "outage": VerifierUnavailableError("the issuer is down"),
}

MakeProtected = Callable[..., FastAPI]


def container(verifier: FakeTokenVerifier) -> AuthContainer:
    settings = AuthSettings.load(better_auth_secret="s" * 32)
    return AuthContainer(settings=settings, token_verifier=verifier)


@pytest.fixture
def verifier() -> FakeTokenVerifier:
    return FakeTokenVerifier(TOKENS)


@pytest.fixture
def make_protected(verifier: FakeTokenVerifier) -> MakeProtected:
    """Return a function that makes a protected app without the routes of the Todo API."""

    def make(*, public: tuple[str, ...] = (), **options: Any) -> FastAPI:
        app = FastAPI(**options)
        protect(app, public=public, container=container(verifier))
        return app

    return make


async def read_principal(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def read_optional(principal: OptionalPrincipal) -> str:
    return principal.user_id if principal else "anonymous"


async def read_open() -> str:
    return "open"


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


@pytest.mark.anyio
@pytest.mark.parametrize("route_class", [APIRoute, ProtectedRoute])
@pytest.mark.parametrize("headers", [[], [MALLORY]])
async def test_a_route_authenticates_before_the_body_is_read(
    make_protected: MakeProtected, route_class: type[APIRoute], headers: list[tuple[bytes, bytes]]
) -> None:
    app, router = make_protected(), APIRouter(route_class=route_class)

    @router.post("/notes")
    async def create(note: Annotated[list[str], Body()], principal: CurrentPrincipal) -> str:
        return f"{principal.user_id}: {note}"

    app.include_router(router)
    async with app_lifespan(app):
        response = await send_request(
            app, "/notes", method="POST", headers=[*headers, JSON], body=endless()
        )
        assert_unauthorized(response, "invalid_token" if headers else "missing_token")
        assert response.header("content-type") == "application/problem+json"
        assert response.received == 0
        response = await send_request(
            app, "/notes", method="POST", headers=[ADA, JSON], body=[b'["milk"]']
        )
        assert response.json() == "ada: ['milk']"


@pytest.mark.anyio
async def test_static_files_need_a_principal(make_protected: MakeProtected, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("secret")
    app = make_protected()
    app.mount("/files", StaticFiles(directory=tmp_path))
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/files/report.txt"), "missing_token")
        response = await send_request(app, "/files/report.txt", headers=[ADA])
        assert response.body == b"secret"


@pytest.mark.anyio
async def test_a_front_end_needs_a_principal_unless_its_path_is_public(
    make_protected: MakeProtected, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<p>page</p>")
    for public, status in (((), 401), (("/page",), 200)):
        app = make_protected(public=public)
        app.frontend("/page", directory=tmp_path)
        async with app_lifespan(app):
            response = await send_request(app, "/page/index.html")
            assert response.status == status
            assert (await send_request(app, "/page/index.html", headers=[ADA])).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [[], [ADA], [MALLORY], [OUTAGE]])
async def test_a_public_route_ignores_credentials(
    make_protected: MakeProtected,
    verifier: FakeTokenVerifier,
    headers: list[tuple[bytes, bytes]],
) -> None:
    app = make_protected(public=("/status", "/pages/{name}"))
    app.add_api_route("/status", read_open)
    app.add_api_route("/pages/{name}", read_open)
    async with app_lifespan(app):
        for path in ("/status", "/pages/about", "/docs", "/redoc", "/openapi.json"):
            assert (await send_request(app, path, headers=headers)).status == 200
    assert verifier.asked == []


@pytest.mark.anyio
async def test_public_is_a_whole_path_and_not_a_prefix(make_protected: MakeProtected) -> None:
    app = make_protected(public=("/notes", "/pages/{name}"))
    app.add_api_route("/notes", read_open)
    app.add_api_route("/pages/{name}", read_open)
    for path in ("/notes/private", "/notes2", "/pages/{name}/private", "/other/notes"):
        app.add_api_route(path, read_principal)
    async with app_lifespan(app):
        for path in ("/notes/private", "/notes2", "/pages/x/private", "/other/notes"):
            assert_unauthorized(await send_request(app, path), "missing_token")


@pytest.mark.anyio
@pytest.mark.parametrize("protected_first", [True, False])
async def test_the_first_matching_route_decides_whether_a_path_is_open(
    make_protected: MakeProtected, tmp_path: Path, *, protected_first: bool
) -> None:
    """The first matching mount serves the request, even if a public route has the same path."""
    (tmp_path / "about").write_text("secret")
    app = make_protected(public=("/files/about", "/{path:path}"))
    if protected_first:
        app.mount("/files", StaticFiles(directory=tmp_path))
    app.add_api_route("/files/about", read_open)
    app.add_api_route("/{path:path}", read_open)
    if not protected_first:
        app.mount("/files", StaticFiles(directory=tmp_path))
    async with app_lifespan(app):
        response = await send_request(app, "/files/about")
        assert response.status == (401 if protected_first else 200)
        assert b"secret" not in response.body


@pytest.mark.anyio
async def test_the_methods_of_a_path_may_be_open_or_not(make_protected: MakeProtected) -> None:
    app = make_protected()
    app.add_api_route("/notes", read_optional, methods=["GET"])
    app.add_api_route("/notes", read_principal, methods=["POST"])
    async with app_lifespan(app):
        assert (await send_request(app, "/notes")).json() == "anonymous"
        assert (await send_request(app, "/notes", headers=[ADA])).json() == "ada"
        response = await send_request(app, "/notes", method="POST", body=endless())
        assert_unauthorized(response, "missing_token")
        assert response.received == 0


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "//notes", "/notes/x"])
@pytest.mark.parametrize("headers", [[], [MALLORY], [OUTAGE]])
async def test_an_unknown_path_gets_404_with_or_without_credentials(
    make_protected: MakeProtected, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    app = make_protected()
    app.add_api_route("/notes", read_principal)
    async with app_lifespan(app):
        assert (await send_request(app, path, headers=headers)).status == 404
        assert (await send_request(app, "/notes", method="PUT", headers=headers)).status == 405


@pytest.mark.anyio
async def test_bad_credentials_on_an_optional_route_get_401(make_protected: MakeProtected) -> None:
    app = make_protected(public=("/public",))
    app.add_api_route("/greeting", read_optional)
    app.add_api_route("/public", read_optional)
    async with app_lifespan(app):
        for path in ("/greeting", "/public"):
            assert (await send_request(app, path)).json() == "anonymous"
            assert (await send_request(app, path, headers=[ADA])).json() == "ada"
            assert_unauthorized(await send_request(app, path, headers=[MALLORY]), "invalid_token")
            assert (await send_request(app, path, headers=[OUTAGE])).status == 503


@pytest.mark.anyio
async def test_a_route_that_requires_a_principal_too_is_not_optional(
    make_protected: MakeProtected,
) -> None:
    app = make_protected()

    @app.get("/both")
    async def read_both(optional: OptionalPrincipal, principal: CurrentPrincipal) -> str:
        return principal.user_id if optional is principal else "different"

    app.add_api_route("/router", read_optional, dependencies=[Depends(authenticated)])
    async with app_lifespan(app):
        for path in ("/both", "/router"):
            assert_unauthorized(await send_request(app, path), "missing_token")
            assert (await send_request(app, path, headers=[ADA])).json() == "ada"


@pytest.mark.anyio
async def test_a_public_route_with_a_principal_still_requires_it(
    make_protected: MakeProtected,
) -> None:
    app = make_protected(public=("/notes",))
    app.add_api_route("/notes", read_principal)
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/notes"), "missing_token")
        assert (await send_request(app, "/notes", headers=[ADA])).json() == "ada"


@pytest.mark.anyio
async def test_mounted_apps_are_guarded_and_may_have_public_routes(
    make_protected: MakeProtected,
) -> None:
    app, inner = make_protected(public=("/sub/status",)), FastAPI()
    inner.add_api_route("/status", read_open)
    inner.add_api_route("/notes", read_principal)
    inner.add_api_route("/greeting", read_optional)
    app.mount("/sub", inner)
    async with app_lifespan(app):
        assert (await send_request(app, "/sub/status")).json() == "open"
        assert (await send_request(app, "/sub/docs")).status == 200
        assert (await send_request(app, "/sub/greeting")).json() == "anonymous"
        assert_unauthorized(await send_request(app, "/sub/notes"), "missing_token")
        assert_unauthorized(await send_request(app, "/sub/nothing"), "missing_token")
        assert (await send_request(app, "/sub/notes", headers=[ADA])).json() == "ada"


@pytest.mark.anyio
async def test_routes_below_equal_parameters_are_guarded(make_protected: MakeProtected) -> None:
    app, inner = make_protected(public=("/{id}/{id}",)), FastAPI(openapi_url=None)
    inner.add_api_route("/{id}", read_open)
    inner.add_api_route("/{id}/notes", read_principal)
    app.mount("/{id}", inner)
    async with app_lifespan(app):
        assert (await send_request(app, "/1/2")).json() == "open"
        assert_unauthorized(await send_request(app, "/1/2/notes"), "missing_token")


@pytest.mark.anyio
async def test_responses_are_private_unless_the_endpoint_allows_caches(
    make_protected: MakeProtected,
) -> None:
    app = make_protected(public=("/status",))
    app.add_api_route("/status", read_open)
    app.add_api_route("/notes", read_principal)

    @app.get("/stream")
    async def stream(principal: CurrentPrincipal) -> StreamingResponse:
        return StreamingResponse(iter(["a", "b"]), headers={"Cache-Control": "no-store"})

    async with app_lifespan(app):
        response = await send_request(app, "/notes", headers=[ADA])
        assert response.header("cache-control") == "private, no-cache"
        response = await send_request(app, "/stream", headers=[ADA])
        assert response.header("cache-control") == "no-store"
        assert (await send_request(app, "/status")).header("cache-control") is None


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [[], [ADA], [MALLORY]])
@pytest.mark.parametrize("route_class", [APIRoute, ProtectedRoute])
async def test_an_override_replaces_authentication_on_every_kind_of_route(
    make_protected: MakeProtected,
    route_class: type[APIRoute],
    headers: list[tuple[bytes, bytes]],
) -> None:
    app = make_protected()
    router = APIRouter(route_class=route_class)
    router.add_api_route("/notes", read_principal)
    router.add_api_route("/greeting", read_optional)
    router.add_api_route("/router", read_open, dependencies=[Depends(authenticated)])
    app.include_router(router, prefix="/included")
    if route_class is ProtectedRoute:  # FastAPI's own routes know no overrides outside of an app
        app.router.routes.extend(router.routes)
    inner = FastAPI()
    inner.include_router(router)
    app.mount("/sub", inner)
    for overridden in (app, inner):
        overridden.dependency_overrides[authenticated] = lambda: principal("grace")
    async with app_lifespan(app):
        prefixes = ["/included", "/sub"] + [""] * (route_class is ProtectedRoute)
        for prefix in prefixes:
            for path in ("/notes", "/greeting"):
                response = await send_request(app, prefix + path, headers=headers)
                assert response.json() == "grace"
            assert (await send_request(app, prefix + "/router", headers=headers)).json() == "open"
        app.dependency_overrides = {}
        inner.dependency_overrides.clear()
        assert (await send_request(app, "/included/notes", headers=[ADA])).json() == "ada"
        assert_unauthorized(await send_request(app, "/included/notes"), "missing_token")


@pytest.mark.anyio
async def test_an_async_override_works_on_optional_routes_too(
    make_protected: MakeProtected,
) -> None:
    app = make_protected()
    app.add_api_route("/greeting", read_optional)

    async def override() -> Principal:
        return principal("grace")

    def override_with_parameters(name: str) -> Principal:
        return principal(name)

    app.dependency_overrides[authenticated] = override
    assert (await send_request(app, "/greeting")).json() == "grace"
    app.dependency_overrides[authenticated] = override_with_parameters
    with pytest.raises(RuntimeError, match="override `optionally_authenticated` too"):
        await send_request(app, "/greeting")


@pytest.mark.anyio
async def test_other_overrides_do_not_turn_authentication_off(
    make_protected: MakeProtected,
) -> None:
    app = make_protected()
    router = APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/notes", read_principal)
    app.include_router(router)
    app.dependency_overrides[read_open] = lambda: "other"
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/notes"), "missing_token")
        assert (await send_request(app, "/notes", headers=[ADA])).json() == "ada"


@pytest.mark.anyio
async def test_an_app_keeps_its_own_answers_to_errors(make_protected: MakeProtected) -> None:
    app = make_protected()

    @app.exception_handler(KeyError)
    async def handle(request: Request, error: Exception) -> Response:
        return Response("no such key", status_code=410)

    @app.get("/key")
    async def fail(principal: CurrentPrincipal) -> None:
        raise KeyError

    @app.get("/teapot")
    async def teapot(principal: CurrentPrincipal) -> None:
        raise HTTPException(418, {"tea": "none"}, headers={"X-Tea": "none"})

    @app.get("/number")
    async def number(n: int, principal: CurrentPrincipal) -> int:
        return n

    async with app_lifespan(app):
        assert (await send_request(app, "/key", headers=[ADA])).body == b"no such key"
        response = await send_request(app, "/teapot", headers=[ADA])
        assert (response.status, response.json()) == (418, {"detail": {"tea": "none"}})
        assert (await send_request(app, "/number?n=x", headers=[ADA])).json()["detail"]


@pytest.mark.anyio
async def test_a_principal_of_an_unprotected_app_is_a_clear_error() -> None:
    app = FastAPI()
    app.add_api_route("/notes", read_principal)
    with pytest.raises(RuntimeError, match=r"not protected. Call `protect\(app\)`"):
        await send_request(app, "/notes", headers=[ADA])


@pytest.mark.anyio
async def test_the_lifespan_of_an_app_runs_while_authentication_runs(
    verifier: FakeTokenVerifier,
) -> None:
    events = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        events.append("start")
        yield {"database": "open"}
        events.append("stop")

    app = FastAPI(lifespan=lifespan)
    protect(app, container=container(verifier))
    async with app.router.lifespan_context(app) as state:
        assert state == {"database": "open"}
    assert events == ["start", "stop"]


def test_protect_refuses_mistakes(verifier: FakeTokenVerifier) -> None:
    app, parts = FastAPI(), container(verifier)
    with pytest.raises(TypeError, match=r"public must be a list of paths: public=\['/docs'\]"):
        protect(app, public="/docs")
    with pytest.raises(TypeError, match="settings or a container, not both"):
        protect(app, container=parts, settings=AuthSettings.load(better_auth_secret="s" * 32))
    protect(app, container=parts)
    with pytest.raises(RuntimeError, match="protected already"):
        protect(app, container=parts)


@pytest.mark.anyio
async def test_protect_refuses_an_app_that_has_started(verifier: FakeTokenVerifier) -> None:
    app = FastAPI()
    await send_request(app, "/docs")
    with pytest.raises(RuntimeError, match="has started"):
        protect(app, container=container(verifier))


def test_settings_are_read_when_the_app_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BETTER_AUTH_URL", raising=False)
    monkeypatch.delenv("BETTER_AUTH_SECRET", raising=False)
    protect(FastAPI())  # does not raise


@pytest.mark.anyio
async def test_an_override_works_for_the_routes_of_the_todo_api(make_app: MakeApp) -> None:
    app, other = make_app(), make_app()
    app.dependency_overrides[authenticated] = lambda: principal("grace")
    async with app_lifespan(app), app_lifespan(other):
        assert (await send_request(app, "/api/me")).json()["user_id"] == "grace"
        created = await send_request(
            app, "/api/todos", method="POST", headers=[JSON], body=[b'{"title": "x"}']
        )
        assert created.status == 201
        assert_unauthorized(await send_request(other, "/api/me"), "missing_token")


@pytest.mark.anyio
async def test_public_paths_that_name_nothing_are_logged(
    make_protected: MakeProtected, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_protected(public=("/status", "/statsu", "/docs", "/files/", "/typo/{id}"))
    app.add_api_route("/status", read_open)
    app.mount("/files", FastAPI(openapi_url=None))
    async with app_lifespan(app):
        pass
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "public paths that the app does not have: /statsu, /typo/{id}"


@pytest.mark.anyio
async def test_the_public_paths_of_this_project_are_all_known(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    for settings in ({}, {"metrics": False}, {"docs": False}):
        async with app_lifespan(make_app(**settings)):
            pass
    assert [record for record in caplog.records if "public paths" in record.getMessage()] == []


@pytest.mark.anyio
async def test_public_paths_that_require_a_principal_anyway_are_logged(
    make_protected: MakeProtected, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_protected(public=("/status", "/notes"))
    app.add_api_route("/status", read_optional)
    app.add_api_route("/notes", read_open, dependencies=[Depends(authenticated)])
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/notes"), "missing_token")
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == "public paths that require a principal anyway: /notes"


@pytest.mark.anyio
@pytest.mark.parametrize("with_lifespan", [True, False])
async def test_an_override_holds_in_mounted_apps_too(
    make_protected: MakeProtected, *, with_lifespan: bool
) -> None:
    app, inner = make_protected(), FastAPI()
    inner.add_api_route("/notes", read_principal)
    inner.add_api_route("/greeting", read_optional)
    app.mount("/sub", inner)
    app.dependency_overrides[authenticated] = lambda: principal("grace")
    async with app_lifespan(app) if with_lifespan else AsyncExitStack():
        assert (await send_request(app, "/sub/notes")).json() == "grace"
        assert (await send_request(app, "/sub/greeting", headers=[MALLORY])).json() == "grace"
        inner.dependency_overrides[authenticated] = lambda: principal("mary")
        assert (await send_request(app, "/sub/notes")).json() == "mary"
        assert (await send_request(app, "/sub/greeting")).json() == "mary"


@pytest.mark.anyio
async def test_an_override_that_yields_is_for_fastapi_only(make_protected: MakeProtected) -> None:
    app = make_protected()
    app.add_api_route("/notes", read_principal)
    app.add_api_route("/greeting", read_optional)

    def override() -> Iterator[Principal]:
        yield principal("grace")

    app.dependency_overrides[authenticated] = override
    assert (await send_request(app, "/notes")).json() == "grace"
    with pytest.raises(RuntimeError, match="has parameters or yields"):
        await send_request(app, "/greeting")


def test_protect_refuses_what_is_not_an_app() -> None:
    with pytest.raises(TypeError, match="takes a FastAPI app"):
        protect(APIRouter())  # type: ignore[arg-type]  # the mistake
