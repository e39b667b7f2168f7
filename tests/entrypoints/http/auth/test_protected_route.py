"""Protected routes authenticate before they read the body, and pass the principal on."""

import functools
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi.dependencies.utils import solve_dependencies
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from backend.domain.auth import Principal
from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.body_limit import MAX_BODY_BYTES
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import ADA, JSON, assert_unauthorized, send
from tests.entrypoints.http.conftest import MakeApp


def endless() -> Iterator[bytes]:
    return itertools.repeat(b"x" * 1000)


BODIES: list[Callable[[], Iterator[bytes]]] = [
    lambda: iter([b"{"]),
    lambda: iter([b"\xff" * 100_000]),
    endless,
]


@pytest.mark.anyio
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer mallory")]])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/todos"),
        ("POST", "/api/todos?limit=x"),
        ("PATCH", "/api/todos/not-an-id"),
        ("DELETE", "/api/todos/not-an-id"),
        ("GET", "/api/todos?limit=0"),
    ],
)
async def test_anonymous_requests_get_401_before_the_body_is_read(
    app: FastAPI,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    body: Callable[[], Iterator[bytes]],
) -> None:
    response = await send_request(app, path, method=method, headers=[*headers, JSON], body=body())
    assert response.status == 401
    assert response.received == 0


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_an_endless_body_gets_413(app: FastAPI, method: str) -> None:
    path = "/api/todos" if method == "POST" else "/api/todos/01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
    response = await send_request(app, path, method=method, headers=[ADA, JSON], body=endless())
    assert (response.status, response.json()["code"]) == (413, "content_too_large")
    assert response.received == MAX_BODY_BYTES // 1000 + 1


async def read_field(body: Annotated[list[str], Body()]) -> None:
    pytest.fail("the body was parsed")


async def read_request(request: Request) -> None:
    await request.body()


@pytest.mark.anyio
@pytest.mark.parametrize("read", [read_field, read_request])
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("depends", ["the endpoint", "the router", "the inclusion"])
async def test_the_body_limit_holds_for_dependencies_and_every_method(
    make_app: MakeApp, method: str, read: Callable[..., Any], depends: str
) -> None:
    app, dependencies = make_app(), [Depends(read)]
    router = APIRouter(
        route_class=ProtectedRoute, dependencies=dependencies if depends == "the router" else None
    )

    @router.api_route(
        "/api/read",
        methods=[method],
        dependencies=dependencies if depends == "the endpoint" else None,
    )
    async def endpoint(principal: CurrentPrincipal) -> None: ...

    app.include_router(router, dependencies=dependencies if depends == "the inclusion" else None)
    response = await send_request(
        app, "/api/read", method=method, headers=[ADA, JSON], body=endless()
    )
    assert response.status == 413
    assert response.received == MAX_BODY_BYTES // 1000 + 1


@pytest.mark.anyio
async def test_a_body_of_exactly_the_maximum_size_is_accepted(app: FastAPI) -> None:
    shortest = json.dumps({"title": "x"}).encode()
    body = shortest + b" " * (MAX_BODY_BYTES - len(shortest))
    for content, status in ((body, 201), (body + b" ", 413)):
        headers = [ADA, JSON]
        response = await send_request(
            app, "/api/todos", method="POST", headers=headers, body=[content]
        )
        assert response.status == status


async def async_endpoint(principal: CurrentPrincipal, greeting: str = "Hello") -> str:
    return f"{greeting}, {principal.user_id}"


def sync_endpoint(principal: CurrentPrincipal) -> str:
    return f"Hello, {principal.user_id}"


@functools.wraps(sync_endpoint)
async def async_wrapper_of_a_sync_function(principal: Principal) -> str:
    return sync_endpoint(principal)


class Greeter:
    async def greet(self, principal: CurrentPrincipal) -> str:
        return f"Hello, {principal.user_id}"

    async def __call__(self, principal: CurrentPrincipal) -> str:
        return await self.greet(principal)


@pytest.mark.anyio
@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize(
    "endpoint",
    [
        async_endpoint,
        functools.partial(async_endpoint, greeting="Hello"),
        sync_endpoint,
        functools.partial(sync_endpoint),
        async_wrapper_of_a_sync_function,
        Greeter().greet,
        Greeter(),
    ],
)
async def test_every_kind_of_callable_can_be_an_endpoint(
    make_app: MakeApp, endpoint: Callable[..., Any], *, included: bool
) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/hello", endpoint)
    if included:
        app.include_router(router)
    else:  # as create_app() adds the routes of this project
        app.router.routes.extend(router.routes)
    assert (await send(app, ADA, path="/api/hello")).json() == "Hello, ada"
    assert_unauthorized(await send(app, path="/api/hello"), "missing_token")


@pytest.mark.anyio
async def test_a_plain_route_with_a_principal_authenticates(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/elsewhere")
    async def read_elsewhere(principal: CurrentPrincipal) -> str:
        return principal.user_id

    assert (await send(app, ADA, path="/elsewhere")).json() == "ada"
    assert_unauthorized(await send(app, path="/elsewhere"), "missing_token")


@pytest.mark.anyio
async def test_shared_caches_must_not_store_responses(app: FastAPI) -> None:
    assert (await send(app, ADA)).header("cache-control") == "private, no-cache"
    assert (await send(app)).header("cache-control") == "no-store"


async def protected_endpoint(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def with_request(request: Request, principal: CurrentPrincipal) -> str:
    return principal.user_id if request.url.path == "/api/test" else ""


async def with_two_names(first: CurrentPrincipal, second: CurrentPrincipal, q: str = "") -> str:
    return first.user_id if first is second else q


def with_sync_function(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def _user_id(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def with_dependency(user_id: Annotated[str, Depends(_user_id)]) -> str:
    return user_id


async def with_dependency_and_principal(
    user_id: Annotated[str, Depends(_user_id)], principal: CurrentPrincipal
) -> str:
    return principal.user_id if principal.user_id == user_id else ""


@pytest.mark.anyio
@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize(
    "endpoint",
    [
        protected_endpoint,
        with_request,
        with_two_names,
        with_sync_function,
        with_dependency,
        with_dependency_and_principal,
    ],
)
async def test_the_principal_reaches_every_signature_of_endpoint(
    make_app: MakeApp, endpoint: Callable[..., Any], *, included: bool
) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/test", endpoint)
    if included:
        app.include_router(router)
    else:
        app.router.routes.extend(router.routes)
    async with app_lifespan(app):
        assert (await send(app, ADA, path="/api/test")).json() == "ada"
        assert_unauthorized(await send(app, path="/api/test"), "missing_token")
    operation = app.openapi()["paths"]["/api/test"]["get"]
    assert operation["security"] == [{"Bearer": []}]
    assert all(parameter["name"] == "q" for parameter in operation.get("parameters", []))


async def uncacheable_endpoint(principal: CurrentPrincipal) -> Response:
    return Response(principal.user_id, headers={"Cache-Control": "no-store"})


@pytest.mark.anyio
async def test_an_endpoint_can_set_cache_control_itself(make_app: MakeApp) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/test", uncacheable_endpoint)
    app.include_router(router)
    async with app_lifespan(app):
        response = await send(app, ADA, path="/api/test")
    assert [value for name, value in response.headers if name == b"cache-control"] == [b"no-store"]


async def direct_endpoint(principal: CurrentPrincipal) -> Response:
    return Response(principal.user_id)


async def direct_endpoint_with_request(request: Request, who: CurrentPrincipal) -> Response:
    return Response(f"{who.user_id} {request.url.path}")


async def direct_endpoint_with_two_names(a: CurrentPrincipal, b: CurrentPrincipal) -> Response:
    return Response(a.user_id if a is b else "")


async def _reject() -> None:
    raise HTTPException(status_code=418)


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record the endpoints whose dependencies FastAPI resolves."""
    calls = []

    async def record(**options: Any) -> Any:
        calls.append(options["dependant"].call)
        return await solve_dependencies(**options)

    monkeypatch.setattr("fastapi.routing.solve_dependencies", record)
    return calls


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (direct_endpoint, "ada"),
        (direct_endpoint_with_request, "ada /api/test"),
        (direct_endpoint_with_two_names, "ada"),
    ],
)
async def test_an_endpoint_that_needs_only_the_principal_is_called_directly(
    make_app: MakeApp, resolved: list[Any], endpoint: Callable[..., Any], text: str
) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/test", endpoint)
    app.router.routes.extend(router.routes)
    async with app_lifespan(app):
        assert (await send(app, ADA, path="/api/test")).body.decode() == text
        assert_unauthorized(await send(app, path="/api/test"), "missing_token")
    assert resolved == []


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["route", "router", "included router"])
async def test_no_dependency_of_a_direct_endpoint_is_left_out(
    make_app: MakeApp, place: str
) -> None:
    dependencies = [Depends(_reject)]
    of_router = dependencies if place == "router" else []
    app, router = make_app(), APIRouter(route_class=ProtectedRoute, dependencies=of_router)
    of_route = dependencies if place == "route" else []
    router.add_api_route("/api/test", direct_endpoint, dependencies=of_route)
    if place == "included router":
        app.include_router(router, dependencies=dependencies)
    else:
        app.router.routes.extend(router.routes)
    async with app_lifespan(app):
        assert (await send(app, ADA, path="/api/test")).status == 418


@pytest.mark.anyio
async def test_what_is_not_a_response_is_serialised_by_fastapi(make_app: MakeApp) -> None:
    app, router = make_app(), APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/api/test", protected_endpoint)
    app.router.routes.extend(router.routes)
    async with app_lifespan(app):
        assert (await send(app, ADA, path="/api/test")).json() == "ada"


class HalResponse(JSONResponse):
    media_type = "application/hal+json"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "options", [{}, {"status_code": 201}, {"status_code": 204}, {"response_class": HalResponse}]
)
@pytest.mark.parametrize("value", [{"at": datetime(2026, 1, 2, tzinfo=UTC)}, ["a"], "a", None])
async def test_a_value_in_place_of_the_annotated_response_is_encoded_as_by_fastapi(
    make_app: MakeApp, options: dict[str, Any], value: object
) -> None:
    calls = []

    async def endpoint(principal: CurrentPrincipal) -> Response:
        calls.append(principal.user_id)
        return cast("Response", value)

    results: list[object] = []
    for route_class in (APIRoute, ProtectedRoute):
        app, router = make_app(), APIRouter(route_class=route_class)
        router.add_api_route("/api/test", endpoint, **options)
        app.router.routes.extend(router.routes)
        async with app_lifespan(app):
            response = await send(app, ADA, path="/api/test")
        content_type = response.header("content-type")
        results.append((response.status, content_type, response.body))
    plain, protected = results
    assert protected == plain
    assert calls == ["ada", "ada"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/api/me", "/api/todos"])
async def test_the_routes_that_are_used_most_are_called_directly(
    app: FastAPI, resolved: list[Any], path: str
) -> None:
    async with app_lifespan(app):
        assert (await send(app, ADA, path=path)).status == 200
    assert resolved == []
