"""The startup check finds endpoints that forget their principal; the guard protects the rest."""

from collections.abc import Callable

import pytest
from fastapi import APIRouter, FastAPI, Security
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute, authenticated
from backend.entrypoints.http.auth.startup_check import UnprotectedRouteError
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import ADA, MALLORY, assert_unauthorized, send
from tests.entrypoints.http.conftest import MakeApp


async def open_endpoint() -> str:
    return "open"


async def protected_endpoint(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def starlette_endpoint(request: Request) -> PlainTextResponse:
    return PlainTextResponse("open")


async def opaque(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("open")(scope, receive, send)


async def socket_endpoint(socket: WebSocket) -> None:
    await socket.accept()


def plain_route(app: FastAPI) -> None:
    app.add_api_route("/api/open", open_endpoint)


def protected_route_without_principal(app: FastAPI) -> None:
    router = APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/open", open_endpoint)
    app.include_router(router)


def nested_router(app: FastAPI) -> None:
    inner, middle = APIRouter(), APIRouter()
    inner.add_api_route("/open", open_endpoint)
    middle.include_router(inner, prefix="/v1")
    app.include_router(middle, prefix="/api")


def one_unprotected_route_of_two(app: FastAPI) -> None:
    router = APIRouter(prefix="/api", route_class=ProtectedRoute)
    router.add_api_route("/closed", protected_endpoint)
    router.add_api_route("/open", open_endpoint)
    app.include_router(router)


def starlette_route(app: FastAPI) -> None:
    app.router.routes.append(Route("/api/open", starlette_endpoint))


def mount_of_routes(app: FastAPI) -> None:
    app.mount("/api", Starlette(routes=[Route("/open", starlette_endpoint)]))


def mount_at_the_root(app: FastAPI) -> None:
    app.mount("/", Starlette(routes=[Mount("/api", routes=[Route("/open", starlette_endpoint)])]))


def mount_in_a_router(app: FastAPI) -> None:
    router = APIRouter()
    router.mount("/api", Starlette(routes=[Route("/open", starlette_endpoint)]))
    app.include_router(router)


def opaque_mount(app: FastAPI) -> None:
    app.mount("/api/open", opaque)


def opaque_mount_at_the_root(app: FastAPI) -> None:
    app.mount("/", GZipMiddleware(opaque))


def opaque_mount_at_a_parameter(app: FastAPI) -> None:
    app.mount("/{anything}", opaque)


def opaque_host(app: FastAPI) -> None:
    app.router.routes.append(Host("{subdomain}.example.com", opaque))


def host_of_routes(app: FastAPI) -> None:
    app.router.routes.append(
        Host("x.example.com", Router([Route("/api/open", starlette_endpoint)]))
    )


def sub_application(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/open", open_endpoint)
    app.mount("/api", inner)


def socket(app: FastAPI) -> None:
    app.add_api_websocket_route("/api/open", socket_endpoint)


def catch_all(app: FastAPI) -> None:
    app.add_api_route("/{path:path}", open_endpoint)


def parameter_in_the_first_segment(app: FastAPI) -> None:
    app.add_api_route("/ap{letter}/open", open_endpoint)


def the_prefix_itself(app: FastAPI) -> None:
    app.add_api_route("/api", open_endpoint)


def route_elsewhere(app: FastAPI) -> None:
    app.add_api_route("/pages/open", open_endpoint)


def doubled_slash(app: FastAPI) -> None:
    app.add_api_route("//api/open", open_endpoint)


FORGOTTEN: dict[Callable[[FastAPI], None], str] = {
    plain_route: "/api/open",
    protected_route_without_principal: "/api/open",
    nested_router: "/api/v1/open",
    one_unprotected_route_of_two: "/api/open",
    sub_application: "/api/open",
    socket: "/api/open",
    catch_all: "/{path:path}",
    parameter_in_the_first_segment: "/ap{letter}/open",
    the_prefix_itself: "/api",
    doubled_slash: "//api/open",
    route_elsewhere: "/pages/open",
}

# Endpoints that cannot take a principal. The path is that of a request.
OUTSIDE_FASTAPI: dict[Callable[[FastAPI], None], tuple[str, str]] = {
    starlette_route: ("/api/open", "/api/open"),
    mount_of_routes: ("/api/open", "/api/open"),
    mount_at_the_root: ("/api/open", "/api/open"),
    mount_in_a_router: ("/api/open", "/api/open"),
    opaque_mount: ("/api/open", "/api/open/file"),
    opaque_mount_at_the_root: ("", "/file"),
    opaque_mount_at_a_parameter: ("/{anything}", "/some/file"),
    opaque_host: ("", "/file"),
    host_of_routes: ("/api/open", "/api/open"),
}
HOST = (b"host", b"x.example.com")


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "path"), FORGOTTEN.items())
async def test_an_endpoint_without_a_principal_stops_the_start(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app()
    add(app)
    with pytest.raises(UnprotectedRouteError) as failure:
        async with app_lifespan(app):
            pass
    assert failure.value.paths == (path,)
    assert str(failure.value).startswith(f"unprotected routes: {path}. Give each endpoint")


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "path"), FORGOTTEN.items())
async def test_an_endpoint_whose_path_is_public_needs_no_principal(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app(public=(path,))
    add(app)
    async with app_lifespan(app):
        pass


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "paths"), OUTSIDE_FASTAPI.items())
async def test_the_guard_protects_what_cannot_take_a_principal(
    make_app: MakeApp, add: Callable[[FastAPI], None], paths: tuple[str, str]
) -> None:
    app, path = make_app(), paths[1]
    add(app)
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, path, headers=[HOST]), "missing_token")
        assert (await send_request(app, path, headers=[HOST, ADA])).body == b"open"


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "paths"), OUTSIDE_FASTAPI.items())
async def test_what_cannot_take_a_principal_can_be_public(
    make_app: MakeApp, add: Callable[[FastAPI], None], paths: tuple[str, str]
) -> None:
    public, path = paths
    app = make_app(public=(public,))
    add(app)
    async with app_lifespan(app):
        for headers in ([HOST], [HOST, ADA], [HOST, MALLORY]):
            assert (await send_request(app, path, headers=headers)).body == b"open"


@pytest.mark.anyio
async def test_all_forgotten_endpoints_are_named_at_once(make_app: MakeApp) -> None:
    app = make_app(public=("/api/v1/open", "/api/elsewhere"))
    for add in (catch_all, nested_router, plain_route, starlette_route):
        add(app)
    with pytest.raises(UnprotectedRouteError, match=r": /api/open, /\{path:path\}\. Give"):
        async with app_lifespan(app):
            pass


@pytest.mark.anyio
@pytest.mark.parametrize("route_class", [APIRoute, ProtectedRoute])
async def test_a_router_with_a_principal_protects_its_routes(
    make_app: MakeApp, route_class: type[APIRoute]
) -> None:
    app, inner, outer = make_app(), APIRouter(route_class=route_class), APIRouter()
    inner.add_api_route("/test", protected_endpoint, methods=["GET", "POST"])
    outer.include_router(inner, prefix="/api")
    app.include_router(outer)
    async with app_lifespan(app):
        assert (await send(app, path="/api/test")).status == 401
        assert (await send(app, ADA, path="/api/test")).json() == "ada"


@pytest.mark.anyio
@pytest.mark.parametrize("level", ["app", "router", "inclusion", "route"])
async def test_a_dependency_without_a_parameter_counts_as_a_principal(
    make_app: MakeApp, level: str
) -> None:
    app = make_app()
    dependencies = [Security(authenticated)]
    router = APIRouter(dependencies=dependencies if level == "router" else None)
    if level == "app":
        app.router.dependencies += dependencies
        app.add_api_route("/api/test", open_endpoint)
    else:
        router.add_api_route(
            "/api/test", open_endpoint, dependencies=dependencies if level == "route" else None
        )
        app.include_router(router, dependencies=dependencies if level == "inclusion" else None)
    async with app_lifespan(app):
        assert (await send(app, path="/api/test")).status == 401
        assert (await send(app, ADA, path="/api/test")).json() == "open"
