"""Attacks on the guard: no request reaches a guarded part of an app without a principal."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import pytest
from dependency_injector import providers
from fastapi import APIRouter, Body, Depends, FastAPI, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Match, Mount
from starlette.types import Receive, Scope, Send

from backend.container.authentication import AuthContainer
from backend.domain.auth import Principal
from backend.entrypoints.http import (
    CurrentPrincipal,
    OptionalPrincipal,
    ProtectedRoute,
    authenticated,
    optionally_authenticated,
    protect,
    requires_roles,
    requires_scopes,
)
from backend.entrypoints.http.auth.startup_check import UnprotectedRouteError
from backend.settings.authentication import AuthSettings
from backend.settings.complaints import ConfigurationError
from backend.testing import FakeTokenVerifier, principal
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import ADA, JSON, assert_unauthorized

TOKENS: dict[str, Principal | Exception] = {"ada": principal("ada")}


def container(tokens: dict[str, Principal | Exception] | None = None) -> AuthContainer:
    settings = AuthSettings.load(better_auth_secret="s" * 32)
    return AuthContainer(settings=settings, token_verifier=FakeTokenVerifier(tokens or TOKENS))


def make_app(*, public: tuple[str, ...] = (), **options: Any) -> FastAPI:
    app = FastAPI(**options)
    protect(app, public=public, container=container())
    return app


async def read_open() -> str:
    return "open"


async def read_principal(principal: CurrentPrincipal) -> str:
    return principal.user_id


async def read_optional(principal: OptionalPrincipal) -> str:
    return principal.user_id if principal else "anonymous"


async def read_secret(request: Request) -> Response:
    return PlainTextResponse("secret")


async def serve_secret(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("secret")(scope, receive, send)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("secret")
    (tmp_path / "page.html").write_text("secret")
    return tmp_path


@pytest.mark.anyio
async def test_documentation_does_not_open_a_mount_of_the_same_path(files: Path) -> None:
    app = make_app()
    app.mount("/docs", StaticFiles(directory=files))
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/docs/page.html"), "missing_token")
        assert (await send_request(app, "/docs/page.html", headers=[ADA])).body == b"secret"
        assert b"swagger" in (await send_request(app, "/docs")).body


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/docs", "/"])
async def test_documentation_does_not_open_a_front_end_of_the_same_path(
    files: Path, path: str
) -> None:
    app = make_app(docs_url=path)
    app.frontend(path, directory=files)
    async with app_lifespan(app):
        page = f"{path.rstrip('/')}/page.html"
        assert_unauthorized(await send_request(app, page), "missing_token")
        assert b"swagger" in (await send_request(app, path)).body


@pytest.mark.anyio
async def test_documentation_does_not_open_an_endpoint_of_the_same_path() -> None:
    app = make_app()
    app.add_api_route("/docs", read_open, methods=["POST"])
    with pytest.raises(UnprotectedRouteError, match="/docs"):
        async with app_lifespan(app):
            pass


@pytest.mark.anyio
async def test_a_front_end_that_is_added_after_the_start_is_guarded(files: Path) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.frontend("/page", directory=files)
        app.mount("/files", StaticFiles(directory=files))
        yield

    app = make_app(lifespan=lifespan)
    async with app_lifespan(app):
        for path in ("/page/page.html", "/files/page.html"):
            assert_unauthorized(await send_request(app, path), "missing_token")
            assert (await send_request(app, path, headers=[ADA])).body == b"secret"


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["page.html", "/page.html", "//page.html", "./page.html"])
async def test_a_front_end_at_the_root_is_guarded_for_odd_request_targets(
    files: Path, path: str
) -> None:
    app = make_app()
    app.frontend("/", directory=files)
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, path), "missing_token")


@pytest.mark.anyio
async def test_the_default_of_the_router_is_guarded() -> None:
    app = make_app()
    app.router.default = serve_secret
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/anything"), "missing_token")
        assert (await send_request(app, "/anything", headers=[ADA])).body == b"secret"


@pytest.mark.anyio
async def test_an_optional_principal_of_all_routes_opens_no_route() -> None:
    """A limit of requests, for example, may ask who the caller is."""

    async def limit(principal: OptionalPrincipal) -> None:
        pass

    for dependency in (Depends(limit), Depends(optionally_authenticated)):
        app = make_app(dependencies=[dependency])
        app.add_api_route("/notes", read_open)
        with pytest.raises(UnprotectedRouteError, match="/notes"):
            async with app_lifespan(app):
                pass
        app = make_app(dependencies=[dependency], public=("/status",))
        app.add_api_route("/notes", read_principal)
        app.add_api_route("/greeting", read_optional)
        app.add_api_route("/status", read_open)
        async with app_lifespan(app):
            assert_unauthorized(await send_request(app, "/notes"), "missing_token")
            assert (await send_request(app, "/notes", headers=[ADA])).json() == "ada"
            assert (await send_request(app, "/greeting")).json() == "anonymous"
            assert (await send_request(app, "/status")).json() == "open"


@pytest.mark.anyio
async def test_an_endpoint_may_take_an_optional_principal_from_its_own_dependency() -> None:
    async def greet(principal: OptionalPrincipal) -> str:
        return principal.user_id if principal else "anonymous"

    async def read_greeting(name: Annotated[str, Depends(greet)]) -> str:
        return name

    app = make_app()
    app.add_api_route("/greeting", read_greeting)
    async with app_lifespan(app):
        assert (await send_request(app, "/greeting")).json() == "anonymous"
        assert (await send_request(app, "/greeting", headers=[ADA])).json() == "ada"


@pytest.mark.anyio
async def test_an_optional_route_is_private_to_an_authenticated_caller() -> None:
    app = make_app()
    app.add_api_route("/greeting", read_optional)
    async with app_lifespan(app):
        response = await send_request(app, "/greeting", headers=[ADA])
        assert response.header("cache-control") == "private, no-cache"
        assert (await send_request(app, "/greeting")).header("cache-control") is None


@pytest.mark.anyio
async def test_a_mounted_app_with_another_issuer_ignores_the_principal_of_the_outer_app() -> None:
    outer, inner = make_app(), FastAPI()
    protect(inner, public=["/me"], container=container({"bob": principal("bob")}))
    inner.add_api_route("/me", read_principal)
    outer.mount("/inner", inner)
    async with app_lifespan(outer):
        assert_unauthorized(await send_request(outer, "/inner/me", headers=[ADA]), "invalid_token")


@pytest.mark.anyio
async def test_an_override_of_a_mounted_app_opens_no_other_part(files: Path) -> None:
    app, inner = make_app(), FastAPI()
    inner.add_api_route("/me", read_principal)
    app.mount("/inner", inner)
    app.mount("/files", StaticFiles(directory=files))
    inner.dependency_overrides[authenticated] = lambda: principal("grace")
    async with app_lifespan(app):
        assert (await send_request(app, "/inner/me")).json() == "grace"
        assert_unauthorized(await send_request(app, "/files/page.html"), "missing_token")
    assert (await send_request(app, "/inner/me")).json() == "grace"
    assert_unauthorized(await send_request(app, "/files/page.html"), "missing_token")


@pytest.mark.anyio
@pytest.mark.parametrize("has_lifespan", [True, False])
async def test_an_override_of_a_mounted_app_without_settings_opens_no_other_part(
    files: Path, monkeypatch: pytest.MonkeyPatch, *, has_lifespan: bool
) -> None:
    for name in ("BETTER_AUTH_URL", "BETTER_AUTH_SECRET", "AUTH_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)
    app, inner = FastAPI(), FastAPI()
    protect(app)
    inner.add_api_route("/me", read_principal)
    app.mount("/inner", inner)
    app.mount("/files", StaticFiles(directory=files))
    inner.dependency_overrides[authenticated] = lambda: principal("grace")
    async with app_lifespan(app) if has_lifespan else nullcontext():
        assert (await send_request(app, "/inner/me")).json() == "grace"
        assert (await send_request(app, "/docs")).status == 200
        with pytest.raises(ConfigurationError):
            await send_request(app, "/files/page.html")


class VersionedRoute(APIRoute):
    """A route that only serves requests with a header."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if (b"x-version", b"2") not in scope["headers"]:
            return Match.NONE, {}
        return super().matches(scope)


@pytest.mark.anyio
@pytest.mark.parametrize("included", [True, False])
async def test_a_route_class_with_its_own_rules_opens_no_other_route(
    files: Path, *, included: bool
) -> None:
    app = make_app()
    router = APIRouter(route_class=VersionedRoute)
    router.add_api_route("/files/{name}", read_optional)
    if included:
        app.include_router(router)
    else:
        app.router.routes.extend(router.routes)
    app.mount("/files", StaticFiles(directory=files))
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/files/page.html"), "missing_token")
        response = await send_request(app, "/files/page.html", headers=[(b"x-version", b"2")])
        assert response.json() == "anonymous"


@pytest.mark.anyio
async def test_a_host_below_a_prefix_is_read_as_the_router_reads_it(files: Path) -> None:
    app, router, inner = make_app(), APIRouter(), FastAPI(openapi_url=None)
    inner.add_api_route("/v1/{name}", read_optional)
    inner.mount("/", StaticFiles(directory=files))
    router.routes.append(Host("api.example.org", inner))
    app.include_router(router, prefix="/v1")
    host = (b"host", b"api.example.org")
    async with app_lifespan(app):
        assert_unauthorized(
            await send_request(app, "/v1/page.html", headers=[host]), "missing_token"
        )
        assert (await send_request(app, "/v1/page.html", headers=[host, ADA])).body == b"secret"
        assert (await send_request(app, "/v1/v1/x", headers=[host])).json() == "anonymous"


@pytest.mark.anyio
async def test_a_mount_in_a_mount_is_read_as_the_router_reads_it(files: Path) -> None:
    app, inner = make_app(), FastAPI(openapi_url=None)
    inner.add_api_route("/b/{name}", read_optional)
    inner.mount("/", StaticFiles(directory=files))
    app.mount("/a", Mount("/b", app=inner))
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/a/b/page.html"), "missing_token")
        assert (await send_request(app, "/a/b/page.html", headers=[ADA])).body == b"secret"


@pytest.mark.anyio
async def test_a_mounted_app_with_its_own_root_path_is_read_as_the_router_reads_it(
    files: Path,
) -> None:
    app, inner = make_app(), FastAPI(openapi_url=None)
    inner.root_path = "/x"
    inner.add_api_route("/{name}", read_optional)
    inner.add_route("/{path:path}", read_secret)
    app.mount("/sub", inner)
    async with app_lifespan(app):
        assert b"secret" not in (await send_request(app, "/sub/page")).body
        assert b"secret" in (await send_request(app, "/sub/page", headers=[ADA])).body


class BottleLike:
    """An app of another framework, whose `routes` are not those of Starlette."""

    def __init__(self) -> None:
        self.routes = [type("BottleRoute", (), {"app": self, "rule": "/"})()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve_secret(scope, receive, send)


@pytest.mark.anyio
async def test_an_app_of_another_framework_is_guarded() -> None:
    app = make_app()
    app.mount("/other", BottleLike())
    async with app_lifespan(app):
        assert_unauthorized(await send_request(app, "/other/page"), "missing_token")
        assert (await send_request(app, "/other/page", headers=[ADA])).body == b"secret"


@pytest.mark.anyio
@pytest.mark.parametrize("template", ["/a/{b}/c/{d}/e/{f}/g", "/{a}-{b}-{c}-{d}-{e}x"])
@pytest.mark.parametrize("unit", ["/c/", "/c/e/", "-", "/c/x/e/x"])
async def test_a_long_path_does_not_take_long(template: str, unit: str) -> None:
    app = make_app(public=(template,))
    app.add_api_route(template, read_open)
    path = f"/a/{unit * (60_000 // len(unit))}"
    async with app_lifespan(app):
        await send_request(app, "/docs")
        started = time.perf_counter()
        await send_request(app, path)
        assert time.perf_counter() - started < 0.5


TEMPLATES = ["/", "/open", "/open/{name}", "/open/{name}/x", "/open/{path:path}", "/{a}/{b}"]
TRICKS = [
    "/secret",
    "/secret/",
    "/secret%0A",
    "/secret%00",
    "/secret%2F",
    "/SECRET",
    "//secret",
    "/./secret",
    "/open/../secret",
    "/open/..%2Fsecret",
    "/open/%2e%2e/secret",
    "/secret;open",
    "/secret?/open",
    "/secret%3F/open",
    "/secret%23/open",
    "/secret/page.html",
    "/secret//page.html",
    "/secret/./page.html",
    "/secret/open/../page.html",
    "/secret/page.html%0A",
    "/open%0A/secret/page.html",
    "/open/%0A/../secret/page.html",
    "/secret/%0Apage.html",
    "secret/page.html",
    "",
    "*",
    "http://open/secret/page.html",
    "/%C0%AE%C0%AE/secret",
    "/secret%EF%BC%8Fpage.html",
]


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PROPFIND"])
@pytest.mark.parametrize("root_path", ["", "/api", "/secret", "/open"])
async def test_no_spelling_of_a_path_reaches_what_is_guarded(
    files: Path, method: str, root_path: str
) -> None:
    app = make_app(public=tuple(TEMPLATES))
    app.root_path = root_path
    app.add_route("/secret", read_secret, methods=["GET", "POST", "OPTIONS", "PROPFIND"])
    app.mount("/secret", StaticFiles(directory=files))
    app.add_api_route("/open/secret", read_principal)
    for template in TEMPLATES:
        app.add_api_route(template, read_open, methods=["GET", "POST"])
    app.mount("/last", StaticFiles(directory=files, html=True))
    app.frontend("/", directory=files / "nothing", check_dir=False)
    async with app_lifespan(app):
        for trick in TRICKS:
            for prefix in ("", root_path, "/last", "/open"):
                response = await send_request(app, prefix + trick, method=method, raising=False)
                assert b"secret" not in response.body.replace(b"/secret", b""), prefix + trick


@pytest.mark.anyio
@pytest.mark.parametrize("route_class", [APIRoute, ProtectedRoute])
async def test_a_method_that_takes_a_principal_is_not_public_with_its_path(
    route_class: type[APIRoute],
) -> None:
    app = make_app(public=("/notes",))
    router = APIRouter(route_class=route_class)

    @router.post("/notes")
    async def create(note: Annotated[list[str], Body()], principal: CurrentPrincipal) -> str:
        return f"{principal.user_id}: {note}"

    app.add_api_route("/notes", read_open)
    app.include_router(router)
    async with app_lifespan(app):
        assert (await send_request(app, "/notes")).json() == "open"
        response = await send_request(
            app, "/notes", method="POST", headers=[JSON], body=[b"not JSON"] * 9
        )
        assert_unauthorized(response, "missing_token")
        assert response.received == 0
        response = await send_request(
            app, "/notes", method="POST", headers=[JSON, ADA], body=[b'["milk"]']
        )
        assert response.json() == "ada: ['milk']"


@pytest.mark.anyio
async def test_a_protected_route_may_be_optional_or_public() -> None:
    app = make_app(public=("/open",))
    router = APIRouter(route_class=ProtectedRoute)
    router.add_api_route("/greeting", read_optional)
    router.add_api_route("/open", read_open)
    app.router.routes.extend(router.routes)
    async with app_lifespan(app):
        assert (await send_request(app, "/greeting")).json() == "anonymous"
        assert (await send_request(app, "/greeting", headers=[ADA])).json() == "ada"
        assert (await send_request(app, "/open")).json() == "open"


class Latch:
    """A resource that opens slowly, and counts how often."""

    def __init__(self) -> None:
        self.opened = 0

    async def __aenter__(self) -> None:
        self.opened += 1
        await asyncio.sleep(0.02)

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_first_requests_without_a_lifespan_are_guarded_even_after_a_cancelled_request(
    files: Path, anyio_backend: str
) -> None:
    latch, parts = Latch(), container()
    parts.resources.override(providers.Object([latch]))
    app = FastAPI()
    protect(app, container=parts)
    app.mount("/files", StaticFiles(directory=files))
    app.add_api_route("/notes", read_principal)
    first = asyncio.create_task(send_request(app, "/files/page.html", headers=[ADA]))
    await asyncio.sleep(0.005)
    requests = [
        asyncio.create_task(send_request(app, path, headers=headers))
        for path in ("/files/page.html", "/notes")
        for headers in ([], [ADA])
        for _ in range(5)
    ]
    await asyncio.sleep(0.005)
    first.cancel()
    statuses = [response.status for response in await asyncio.gather(*requests)]
    assert statuses == ([401] * 5 + [200] * 5) * 2
    assert latch.opened == 1


@pytest.mark.anyio
async def test_invalid_settings_open_no_route(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BETTER_AUTH_URL", "BETTER_AUTH_SECRET", "AUTH_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)
    app = FastAPI()
    protect(app)
    app.mount("/files", StaticFiles(directory=files))
    for _ in range(3):
        for path in ("/files/page.html", "/nothing", "/docs"):
            with pytest.raises(ConfigurationError):
                await send_request(app, path, headers=[ADA])


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("route_class", [APIRoute, ProtectedRoute])
async def test_concurrent_requests_see_their_own_principal(
    route_class: type[APIRoute], anyio_backend: str
) -> None:
    names = [f"user-{number}" for number in range(40)]
    router, apps = APIRouter(route_class=route_class), [FastAPI(), FastAPI()]

    @router.get("/me")
    async def read_me(
        principal: CurrentPrincipal, optional: OptionalPrincipal
    ) -> tuple[str, str | None]:
        await asyncio.sleep(0)
        return principal.user_id, optional.user_id if optional else None

    @router.get("/sync")
    def read_in_a_thread(principal: CurrentPrincipal) -> tuple[str, str]:
        time.sleep(0.0005)
        return principal.user_id, principal.user_id

    for number, app in enumerate(apps):
        tokens = {name: principal(f"{name} of {number}") for name in names}
        protect(app, container=container(dict(tokens)))
        app.include_router(router)
        app.router.routes.extend(router.routes)

    async def read(name: str, number: int, path: str) -> None:
        headers = [(b"authorization", f"Bearer {name}".encode())]
        response = await send_request(apps[number], path, headers=headers)
        assert response.json() == [f"{name} of {number}"] * 2

    await asyncio.gather(
        *(
            read(name, number, path)
            for name in names
            for number in (0, 1)
            for path in ("/me", "/sync")
        )
    )


@pytest.mark.anyio
async def test_scopes_of_a_dependency_do_not_count_for_another_dependency() -> None:
    """FastAPI caches dependencies during a request."""
    app = FastAPI()
    tokens = {"ada": principal("ada", scopes={"read"}, roles={"user"})}
    protect(app, container=container(dict(tokens)))

    async def check(principal: CurrentPrincipal) -> str:
        return principal.user_id

    read, write = requires_scopes("read"), requires_scopes("write")
    for path, dependencies in {
        "/both": [read, write],
        "/reversed": [write, read],
        "/plain": [Depends(authenticated), write],
        "/nested": [Depends(check), Security(check, scopes=["write"])],
        "/optional": [read, Security(optionally_authenticated, scopes=["write"])],
        "/roles": [requires_roles("user"), requires_roles("user", "admin")],
        "/empty": [Depends(check), requires_roles("admin")],
    }.items():
        for route_class in (APIRoute, ProtectedRoute):
            router = APIRouter(route_class=route_class)
            router.add_api_route(path, read_principal, dependencies=dependencies)
            app.include_router(router, prefix=f"/{route_class.__name__}")
            if route_class is ProtectedRoute:
                app.router.routes.extend(router.routes)
    async with app_lifespan(app):
        for path in ("/both", "/reversed", "/plain", "/nested", "/optional", "/roles", "/empty"):
            for prefix in ("/APIRoute", "/ProtectedRoute", ""):
                response = await send_request(app, prefix + path, headers=[ADA])
                assert response.status == 403, prefix + path
