"""The startup check finds every route under /api that is open to everyone by mistake."""

from collections.abc import Callable

import pytest
from fastapi import APIRouter, FastAPI, Security
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from backend.entrypoints.http.auth.guards import (
    Authentication,
    CurrentPrincipal,
    ProtectedRoute,
)
from backend.entrypoints.http.auth.startup_check import UnprotectedRouteError
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import ADA, send
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


def plain_route_with_principal(app: FastAPI) -> None:
    app.add_api_route("/api/open", protected_endpoint, methods=["POST"])


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


def starlette_socket(app: FastAPI) -> None:
    app.router.routes.append(WebSocketRoute("/api/open", socket_endpoint))


def catch_all(app: FastAPI) -> None:
    app.add_api_route("/{path:path}", open_endpoint)


def parameter_in_the_first_segment(app: FastAPI) -> None:
    app.add_api_route("/ap{letter}/open", open_endpoint)


def the_prefix_itself(app: FastAPI) -> None:
    app.add_api_route("/api", open_endpoint)


def doubled_slash(app: FastAPI) -> None:
    app.add_api_route("//api/open", open_endpoint)


OPEN: dict[Callable[[FastAPI], None], str] = {
    plain_route: "/api/open",
    plain_route_with_principal: "/api/open",
    protected_route_without_principal: "/api/open",
    nested_router: "/api/v1/open",
    one_unprotected_route_of_two: "/api/open",
    starlette_route: "/api/open",
    mount_of_routes: "/api/open",
    mount_at_the_root: "/api/open",
    mount_in_a_router: "/api/open",
    opaque_mount: "/api/open",
    opaque_mount_at_the_root: "/",
    opaque_mount_at_a_parameter: "/{anything}",
    opaque_host: "/",
    host_of_routes: "/api/open",
    sub_application: "/api/open",
    socket: "/api/open",
    starlette_socket: "/api/open",
    catch_all: "/{path:path}",
    parameter_in_the_first_segment: "/ap{letter}/open",
    the_prefix_itself: "/api",
    doubled_slash: "//api/open",
}


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "path"), OPEN.items())
async def test_unprotected_routes_under_api_stop_the_start(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app()
    add(app)
    with pytest.raises(UnprotectedRouteError) as failure:
        async with app_lifespan(app):
            pass
    assert failure.value.paths == (path,)
    assert str(failure.value).startswith(f"unprotected routes: {path}. Use an APIRouter")


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "path"), OPEN.items())
async def test_routes_listed_as_public_may_be_unprotected(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app(public=(path,))
    add(app)
    async with app_lifespan(app):
        pass


@pytest.mark.anyio
async def test_all_unprotected_routes_are_named_at_once(make_app: MakeApp) -> None:
    app = make_app(public=("/api/v1/open", "/api/elsewhere"))
    for add in (catch_all, nested_router, plain_route, starlette_route):
        add(app)
    with pytest.raises(UnprotectedRouteError, match=r": /api/open, /\{path:path\}\. Use"):
        async with app_lifespan(app):
            pass


@pytest.mark.anyio
async def test_routes_outside_api_may_be_unprotected(make_app: MakeApp) -> None:
    app = make_app()
    app.add_api_route("/apis/open", open_endpoint)
    app.add_api_route("/v1/api/open", open_endpoint)
    app.add_api_route("/open/{path:path}", open_endpoint)
    app.mount("/static", opaque)
    app.mount("/", Starlette(routes=[Route("/page", starlette_endpoint)]))
    async with app_lifespan(app):
        assert (await send_request(app, "/apis/open")).status == 200
        assert (await send_request(app, "/page")).status == 200


@pytest.mark.anyio
async def test_a_protected_router_protects_its_routes(make_app: MakeApp) -> None:
    app, inner, outer = make_app(), APIRouter(route_class=ProtectedRoute), APIRouter()
    inner.add_api_route("/test", protected_endpoint, methods=["GET", "POST"])
    outer.include_router(inner, prefix="/api")
    app.include_router(outer)
    async with app_lifespan(app):
        assert (await send(app, path="/api/test")).status == 401
        assert (await send(app, ADA, path="/api/test")).json() == "ada"


@pytest.mark.anyio
async def test_a_router_level_authentication_counts_as_protection(make_app: MakeApp) -> None:
    app = make_app()
    router = APIRouter(route_class=ProtectedRoute, dependencies=[Security(Authentication())])
    router.add_api_route("/api/test", open_endpoint)
    app.include_router(router)
    async with app_lifespan(app):
        assert (await send(app, path="/api/test")).status == 401
        assert (await send(app, ADA, path="/api/test")).json() == "open"
