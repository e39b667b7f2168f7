"""Nothing under /api is open by mistake, and whoever is let in is known to the endpoint."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Response, Security
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
from tests.entrypoints.http.auth.test_authentication import ADA, ask, assert_refused
from tests.entrypoints.http.conftest import MakeApp
from tests.entrypoints.http.exchange import exchange, served


async def open_endpoint() -> str:
    return "open"


async def guarded_endpoint(principal: CurrentPrincipal) -> str:
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
    app.add_api_route("/api/open", guarded_endpoint, methods=["POST"])


def protected_route_without_principal(app: FastAPI) -> None:
    router = APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/open", open_endpoint)
    app.include_router(router)


def nested_router(app: FastAPI) -> None:
    inner, middle = APIRouter(), APIRouter()
    inner.add_api_route("/open", open_endpoint)
    middle.include_router(inner, prefix="/v1")
    app.include_router(middle, prefix="/api")


def one_of_many(app: FastAPI) -> None:
    router = APIRouter(prefix="/api", route_class=ProtectedRoute)
    router.add_api_route("/closed", guarded_endpoint)
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
    one_of_many: "/api/open",
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
async def test_nothing_under_api_is_open_by_mistake(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app()
    add(app)
    with pytest.raises(UnprotectedRouteError) as failure:
        async with served(app):
            pass
    assert str(failure.value).endswith(f"as public: {path}")


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "path"), OPEN.items())
async def test_what_is_listed_as_public_may_be_open(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app(public=(path,))
    add(app)
    async with served(app):
        pass


@pytest.mark.anyio
async def test_every_open_route_is_named_at_once(make_app: MakeApp) -> None:
    app = make_app(public=("/api/v1/open", "/api/elsewhere"))
    for add in (catch_all, nested_router, plain_route, starlette_route):
        add(app)
    with pytest.raises(UnprotectedRouteError, match=r": /api/open, /\{path:path\}$"):
        async with served(app):
            pass


@pytest.mark.anyio
async def test_routes_outside_of_api_may_be_open(make_app: MakeApp) -> None:
    app = make_app()
    app.add_api_route("/apis/open", open_endpoint)
    app.add_api_route("/v1/api/open", open_endpoint)
    app.add_api_route("/open/{path:path}", open_endpoint)
    app.mount("/static", opaque)
    app.mount("/", Starlette(routes=[Route("/page", starlette_endpoint)]))
    async with served(app):
        assert (await exchange(app, "/apis/open")).status == 200
        assert (await exchange(app, "/page")).status == 200


@pytest.mark.anyio
async def test_a_protected_router_is_all_that_a_new_route_needs(make_app: MakeApp) -> None:
    app, inner, outer = make_app(), APIRouter(route_class=ProtectedRoute), APIRouter()
    inner.add_api_route("/of-this-test", guarded_endpoint, methods=["GET", "POST"])
    outer.include_router(inner, prefix="/api")
    app.include_router(outer)
    async with served(app):
        assert (await ask(app, path="/api/of-this-test")).status == 401
        assert (await ask(app, ADA, path="/api/of-this-test")).json() == "ada"


async def with_request(request: Request, principal: CurrentPrincipal) -> str:
    return principal.user_id if request.url.path == "/api/of-this-test" else ""


async def with_two_names(one: CurrentPrincipal, other: CurrentPrincipal, q: str = "") -> str:
    return one.user_id if one is other else q


def in_a_thread(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def _user_id(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def by_a_dependency(user_id: Annotated[str, Depends(_user_id)]) -> str:
    return user_id


async def by_both(user_id: Annotated[str, Depends(_user_id)], principal: CurrentPrincipal) -> str:
    return principal.user_id if principal.user_id == user_id else ""


@pytest.mark.anyio
@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize(
    "endpoint",
    [guarded_endpoint, with_request, with_two_names, in_a_thread, by_a_dependency, by_both],
)
async def test_the_principal_reaches_every_kind_of_endpoint(
    make_app: MakeApp, endpoint: Callable[..., Any], *, included: bool
) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/of-this-test", endpoint)
    if included:
        app.include_router(router)
    else:
        app.router.routes.extend(router.routes)
    async with served(app):
        assert (await ask(app, ADA, path="/api/of-this-test")).json() == "ada"
        assert_refused(await ask(app, path="/api/of-this-test"), "missing_token")
    operation = app.openapi()["paths"]["/api/of-this-test"]["get"]
    assert operation["security"] == [{"Bearer": []}]
    assert all(one["name"] == "q" for one in operation.get("parameters", []))


async def not_to_be_stored(principal: CurrentPrincipal) -> Response:
    return Response(principal.user_id, headers={"Cache-Control": "no-store"})


@pytest.mark.anyio
async def test_an_answer_may_say_itself_who_may_cache_it(make_app: MakeApp) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/of-this-test", not_to_be_stored)
    app.include_router(router)
    async with served(app):
        answer = await ask(app, ADA, path="/api/of-this-test")
    assert [value for name, value in answer.headers if name == b"cache-control"] == [b"no-store"]


@pytest.mark.anyio
async def test_a_routers_dependency_counts_as_asking_for_the_principal(make_app: MakeApp) -> None:
    app = make_app()
    router = APIRouter(route_class=ProtectedRoute, dependencies=[Security(Authentication())])
    router.add_api_route("/api/of-this-test", open_endpoint)
    app.include_router(router)
    async with served(app):
        assert (await ask(app, path="/api/of-this-test")).status == 401
        assert (await ask(app, ADA, path="/api/of-this-test")).json() == "open"
