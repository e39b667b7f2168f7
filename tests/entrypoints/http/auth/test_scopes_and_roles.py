"""Routes may require scopes and roles of the principal."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.params import Security as SecurityDependency

from backend.container.authentication import AuthContainer
from backend.domain.auth import Principal
from backend.entrypoints.http import (
    CurrentPrincipal,
    OptionalPrincipal,
    ProtectedRoute,
    authenticated,
    protect,
    requires_roles,
    requires_scopes,
)
from backend.settings.authentication import AuthSettings
from backend.testing import FakeTokenVerifier, principal
from tests.entrypoints.http.asgi_client import RawResponse, app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import assert_unauthorized

PRINCIPALS: dict[str, Principal | Exception] = {
    "reader": principal("reader", scopes=frozenset({"notes:read"})),
    "writer": principal("writer", scopes=frozenset({"notes:read", "notes:write"})),
    "admin": principal("admin", roles=frozenset({"admin", "user"})),
    "user": principal("user", roles=frozenset({"user"})),
}


async def read_notes() -> str:
    return "notes"


async def read_principal(principal: CurrentPrincipal) -> str:
    return principal.user_id


def make_app(
    dependency: SecurityDependency, level: str, *, route_class: type = ProtectedRoute
) -> FastAPI:
    """Make an app with the route `/notes`, which requires something on some level."""
    app, dependencies = FastAPI(), [dependency]
    router = APIRouter(
        route_class=route_class, dependencies=dependencies if level == "router" else None
    )
    if level == "parameter":

        async def endpoint(principal: Annotated[Principal, dependency]) -> str:
            return principal.user_id

        router.add_api_route("/notes", endpoint)
    elif level == "default":

        async def with_default(principal: Principal = dependency) -> str:  # type: ignore[assignment]  # FastAPI replaces it
            return principal.user_id

        router.add_api_route("/notes", with_default)
    else:
        router.add_api_route(
            "/notes", read_principal, dependencies=dependencies if level == "route" else None
        )
    app.include_router(router, dependencies=dependencies if level == "inclusion" else None)
    protect_with_principals(app)
    return app


def protect_with_principals(app: FastAPI) -> None:
    settings = AuthSettings.load(better_auth_secret="s" * 32)
    verifier = FakeTokenVerifier(PRINCIPALS)
    protect(app, container=AuthContainer(settings=settings, token_verifier=verifier))


async def get(app: FastAPI, token: str = "", path: str = "/notes") -> RawResponse:
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    return await send_request(app, path, headers=headers)


LEVELS = ["route", "router", "inclusion", "parameter", "default"]


@pytest.mark.anyio
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "dependency",
    [
        requires_scopes("notes:read", "notes:write"),
        Security(authenticated, scopes=["notes:read", "notes:write"]),
    ],
)
async def test_a_principal_without_a_scope_gets_403(
    dependency: SecurityDependency, level: str
) -> None:
    app = make_app(dependency, level)
    async with app_lifespan(app):
        assert (await get(app, "writer")).json() == "writer"
        response = await get(app, "reader")
        assert (response.status, response.json()["code"]) == (403, "insufficient_scope")
        assert response.header("www-authenticate") == (
            'Bearer realm="api", error="insufficient_scope", scope="notes:read notes:write"'
        )
        assert_unauthorized(await get(app), "missing_token")
        assert_unauthorized(await get(app, "mallory"), "invalid_token")


@pytest.mark.anyio
@pytest.mark.parametrize("level", LEVELS)
async def test_a_principal_without_a_role_gets_403(level: str) -> None:
    app = make_app(requires_roles("admin"), level)
    async with app_lifespan(app):
        assert (await get(app, "admin")).json() == "admin"
        response = await get(app, "user")
        assert (response.status, response.json()["code"]) == (403, "missing_role")
        assert "admin" not in response.body.decode()
        assert_unauthorized(await get(app), "missing_token")


@pytest.mark.anyio
async def test_several_roles_are_all_required() -> None:
    app = make_app(requires_roles("admin", "user"), "route")
    async with app_lifespan(app):
        assert (await get(app, "admin")).status == 200
        assert (await get(app, "user")).status == 403


@pytest.mark.anyio
async def test_scopes_of_router_and_route_add_up() -> None:
    app = FastAPI()
    router = APIRouter(dependencies=[requires_scopes("notes:read")])
    router.add_api_route("/notes", read_notes, dependencies=[requires_scopes("notes:write")])
    app.include_router(router)
    protect_with_principals(app)
    async with app_lifespan(app):
        assert (await get(app, "writer")).json() == "notes"
        for token in ("reader", "user"):
            response = await get(app, token)
            assert response.status == 403
            challenge = response.header("www-authenticate") or ""
            assert challenge.endswith('scope="notes:read notes:write"')  # all, not the first


@pytest.mark.anyio
async def test_scopes_of_a_dependency_hold_for_its_principal() -> None:
    async def current_user(principal: CurrentPrincipal) -> str:
        return principal.user_id

    app = FastAPI()

    @app.get("/notes")
    async def read(user: Annotated[str, Security(current_user, scopes=["notes:write"])]) -> str:
        return user

    protect_with_principals(app)
    async with app_lifespan(app):
        assert (await get(app, "writer")).json() == "writer"
        assert (await get(app, "reader")).status == 403


@pytest.mark.anyio
async def test_a_role_makes_authentication_required_beside_an_optional_principal() -> None:
    app = FastAPI()

    @app.get("/notes", dependencies=[requires_roles("admin")])
    async def read(principal: OptionalPrincipal) -> str:
        return principal.user_id if principal else "anonymous"

    protect_with_principals(app)
    async with app_lifespan(app):
        assert_unauthorized(await get(app), "missing_token")
        assert (await get(app, "admin")).json() == "admin"


@pytest.mark.anyio
async def test_an_override_replaces_scopes_too_and_roles_are_still_checked() -> None:
    app = make_app(requires_scopes("notes:write"), "route")
    app.add_api_route("/admin", read_notes, dependencies=[requires_roles("admin")])
    app.dependency_overrides[authenticated] = lambda: principal("grace")
    assert (await get(app)).json() == "grace"
    assert (await get(app, path="/admin")).status == 403


@pytest.mark.parametrize("scopes", [(), ("",), ("two scopes",), ('quo"te',), ("näme",)])
def test_invalid_scopes_are_refused_when_the_route_is_made(scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="scope"):
        requires_scopes(*scopes)


@pytest.mark.parametrize("roles", [(), ("",), ("admin", "")])
def test_roles_without_a_name_are_refused_when_the_route_is_made(roles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="at least one role"):
        requires_roles(*roles)


def test_openapi_shows_the_scopes_of_a_route() -> None:
    document = make_app(requires_scopes("notes:read"), "route").openapi()
    operation = document["paths"]["/notes"]["get"]
    assert {"Bearer": ["notes:read"]} in operation["security"]


@pytest.mark.anyio
async def test_equal_role_checks_run_once() -> None:
    app = FastAPI()

    @app.get("/notes", dependencies=[requires_roles("admin")])
    async def read(principal: Annotated[Principal, requires_roles("admin")]) -> str:
        return principal.user_id

    app.add_api_route("/plain", read_notes, dependencies=[Depends(authenticated)])
    protect_with_principals(app)
    async with app_lifespan(app):
        assert (await get(app, "admin")).json() == "admin"
        assert (await get(app, "user", "/plain")).json() == "notes"


def test_a_list_of_roles_is_refused_when_the_route_is_made() -> None:
    with pytest.raises(TypeError, match="takes strings"):
        requires_roles(["admin"])  # type: ignore[arg-type]  # the mistake
