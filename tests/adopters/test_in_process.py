"""Apps in the process of their own tests: `TestClient` and ASGI transports, with real tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from dependency_injector import providers
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient

from backend.container.authentication import AuthContainer
from backend.domain.auth import Principal
from backend.entrypoints.http import (
    CurrentPrincipal,
    OptionalPrincipal,
    ProtectedRoute,
    authenticated,
    protect,
)
from backend.testing import Issuer, bearer, principal
from tests.adopters.apps import customized, plain, routed


@pytest.fixture(autouse=True)
def settings_in_environment(issuer_environment: Issuer) -> Issuer:
    """A new issuer for each test, as the only setting in the environment of this process."""
    return issuer_environment


@pytest.fixture
def ada(issuer: Issuer) -> dict[str, str]:
    """The header of a user."""
    return bearer(issuer.token(sub="ada"))


def make_app() -> FastAPI:
    """Return a protected app of each kind of route."""
    app = FastAPI()
    protect(app)

    @app.get("/async")
    async def read_async(principal: CurrentPrincipal) -> str:
        return principal.user_id

    @app.get("/sync")
    def read_sync(principal: CurrentPrincipal) -> str:
        return principal.user_id

    @app.get("/optional")
    async def read_optional(principal: OptionalPrincipal) -> str | None:
        return principal.user_id if principal else None

    app.router.add_api_route("/fast", read_async, route_class_override=ProtectedRoute)
    return app


PATHS = ("/async", "/sync", "/fast")


def test_a_test_client_may_be_a_context_manager(ada: dict[str, str]) -> None:
    with TestClient(make_app()) as client:
        for path in PATHS:
            assert client.get(path).status_code == 401
            assert client.get(path, headers=ada).json() == "ada"
        assert client.get("/optional").json() is None
        assert client.get("/optional", headers=ada).json() == "ada"


def test_a_test_client_needs_no_lifespan(ada: dict[str, str]) -> None:
    client = TestClient(make_app())  # each request has an event loop of its own
    for path in PATHS:
        assert client.get(path).status_code == 401
        assert client.get(path, headers=ada).json() == "ada"
        assert client.get(path, headers=ada).json() == "ada"


@pytest.mark.parametrize("repetition", [1, 2])
def test_an_app_of_a_module_starts_again_with_the_settings_of_each_test(
    ada: dict[str, str], repetition: int
) -> None:
    for _ in range(2):
        with TestClient(plain.app) as client:
            assert client.get("/notes", headers=ada).json() == ["a note of ada"]
    assert TestClient(plain.app).get("/notes", headers=ada).json() == ["a note of ada"]


def test_an_app_starts_again_with_the_same_container(issuer: Issuer, ada: dict[str, str]) -> None:
    app = FastAPI()
    protect(app, container=AuthContainer(settings=issuer.settings()))

    @app.get("/me")
    async def read_me(principal: CurrentPrincipal) -> str:
        return principal.user_id

    for _ in range(3):
        with TestClient(app) as client:
            assert client.get("/me", headers=ada).json() == "ada"
    client = TestClient(app)
    for _ in range(3):
        assert client.get("/me", headers=ada).json() == "ada"
    with TestClient(app) as client:
        assert client.get("/me", headers=ada).json() == "ada"


def test_two_clients_of_one_app_may_be_open_at_once(ada: dict[str, str]) -> None:
    app = make_app()
    with TestClient(app) as first:
        assert first.get("/async", headers=ada).json() == "ada"
        with TestClient(app) as second:
            assert second.get("/async", headers=ada).json() == "ada"
        assert first.get("/async", headers=ada).json() == "ada"


@pytest.mark.parametrize("app", [plain.app, customized.app, routed.app])
def test_an_asgi_transport_needs_no_lifespan(app: FastAPI, ada: dict[str, str]) -> None:
    path = {id(plain.app): "/notes", id(customized.app): "/items/3"}.get(
        id(app), "/v1/api/fast/mine"
    )

    async def request_twice() -> list[int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            responses = [await client.get(path, headers=headers) for headers in ({}, ada, ada)]
        return [response.status_code for response in responses]

    for _ in range(2):
        assert asyncio.run(request_twice()) == [401, 200, 200]


def test_many_requests_at_once_need_no_lifespan(issuer: Issuer, ada: dict[str, str]) -> None:
    async def request() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app=make_app())
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            gets = [client.get("/async", headers=ada) for _ in range(20)]
            return await asyncio.gather(*gets)

    assert {response.json() for response in asyncio.run(request())} == {"ada"}
    assert issuer.fetches == 1


def test_two_apps_of_one_process_trust_different_issuers(
    issuer: Issuer, ada: dict[str, str]
) -> None:
    with Issuer() as other:
        first, second = FastAPI(), FastAPI()
        protect(first, settings=issuer.settings())
        protect(second, settings=other.settings())
        for app in (first, second):

            @app.get("/me")
            async def read_me(principal: CurrentPrincipal) -> str:
                return principal.user_id

        bob = bearer(other.token(sub="bob"))
        with TestClient(first) as first_client, TestClient(second) as second_client:
            assert first_client.get("/me", headers=ada).json() == "ada"
            assert second_client.get("/me", headers=bob).json() == "bob"
            assert first_client.get("/me", headers=bob).status_code == 401
            assert second_client.get("/me", headers=ada).status_code == 401


def test_a_protected_app_may_be_mounted_in_another_protected_app(
    issuer: Issuer, ada: dict[str, str]
) -> None:
    with Issuer() as other:
        outer, inner = FastAPI(), FastAPI()
        outer.mount("/inner", inner)
        protect(outer, settings=issuer.settings(), public=["/inner"])
        protect(inner, settings=other.settings())

        @inner.get("/me")
        async def read_me(principal: CurrentPrincipal) -> str:
            return principal.user_id

        bob = bearer(other.token(sub="bob"))
        with TestClient(outer) as client:
            assert client.get("/inner/me").status_code == 401
            assert client.get("/inner/me", headers=ada).status_code == 401
            assert client.get("/inner/me", headers=bob).json() == "bob"
            assert client.get("/inner/docs").status_code == 200


def test_a_mounted_app_does_not_trust_the_principal_of_the_outer_app(
    issuer: Issuer, ada: dict[str, str]
) -> None:
    with Issuer() as other:
        outer, inner = FastAPI(), FastAPI()
        outer.mount("/inner", inner)
        protect(outer, settings=issuer.settings())
        protect(inner, settings=other.settings())

        @inner.get("/optional")
        async def read_optional(principal: OptionalPrincipal) -> str | None:
            return principal.user_id if principal else None

        with TestClient(outer) as client:
            response = client.get("/inner/optional", headers=ada)
        assert response.status_code == 401


def test_a_protected_app_may_be_mounted_in_an_unprotected_app(ada: dict[str, str]) -> None:
    outer = FastAPI()
    outer.mount("/inner", make_app())
    with TestClient(outer) as client:
        for path in PATHS:
            assert client.get(f"/inner{path}").json()["code"] == "missing_token"
            assert client.get(f"/inner{path}", headers=ada).json() == "ada"


@pytest.mark.parametrize("first", [True, False])
def test_routes_and_middleware_may_be_added_before_and_after_protect(
    ada: dict[str, str], first: bool
) -> None:
    app = FastAPI()
    if first:
        protect(app)
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example.com"])

    @app.get("/notes")
    async def list_notes(principal: CurrentPrincipal) -> str:
        return principal.user_id

    if not first:
        protect(app)
    with TestClient(app, headers={"Origin": "https://shop.example.com"}) as client:
        for headers, status in (({}, 401), (ada, 200)):
            response = client.get("/notes", headers=headers)
            assert response.status_code == status
            assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example.com"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer garbage"}])
def test_an_override_of_the_principal_works_on_every_kind_of_route(headers: dict[str, str]) -> None:
    app = make_app()
    app.dependency_overrides[authenticated] = lambda: principal("grace")
    with TestClient(app, headers=headers) as client:
        for path in (*PATHS, "/optional"):
            assert client.get(path).json() == "grace"
    app.dependency_overrides.clear()
    with TestClient(app, headers=headers) as client:
        assert client.get("/async").status_code == 401


def test_an_app_with_an_override_opens_the_resources_of_its_container(issuer: Issuer) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def database() -> AsyncIterator[None]:
        events.append("opened")
        yield
        events.append("closed")

    app = FastAPI()
    app.dependency_overrides[authenticated] = lambda: principal("grace")
    container = AuthContainer(settings=issuer.settings())
    container.resources.override(providers.Callable(lambda: [database()]))
    protect(app, container=container)
    with TestClient(app):
        assert events == ["opened"]
    assert events == ["opened", "closed"]


def test_an_override_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    async def grace() -> Principal:
        return principal("grace")

    monkeypatch.delenv("BETTER_AUTH_URL")
    routed.app.dependency_overrides[authenticated] = grace
    try:
        assert TestClient(routed.app).get("/v1/api/teams/mine").json() == "grace@red"
        with TestClient(routed.app) as client:
            assert client.get("/v1/api/fast/mine").json() == "grace"
    finally:
        routed.app.dependency_overrides.clear()


def test_head_and_options_need_a_principal_too(ada: dict[str, str]) -> None:
    app = make_app()

    @app.head("/async")
    @app.options("/async")
    async def answer(principal: CurrentPrincipal) -> None: ...

    with TestClient(app) as client:
        for method in ("HEAD", "OPTIONS"):
            assert client.request(method, "/async").status_code == 401
            assert client.request(method, "/async", headers=ada).status_code == 200
            assert client.request(method, "/sync").status_code == 405


def test_redirects_to_the_path_with_a_slash_need_no_token(ada: dict[str, str]) -> None:
    with TestClient(make_app()) as client:
        response = client.get("/async/", follow_redirects=False)
        assert response.status_code == 307
        assert client.get("/async/", headers=ada).json() == "ada"


def test_a_path_prefix_of_a_proxy_changes_nothing(ada: dict[str, str]) -> None:
    app = FastAPI()
    protect(app, public=["/open"])

    @app.get("/me")
    async def read_me(principal: CurrentPrincipal) -> str:
        return principal.user_id

    @app.get("/open")
    async def read_open() -> str:
        return "open"

    with TestClient(app, root_path="/shop") as client:
        for prefix in ("", "/shop"):  # some proxies strip the prefix
            assert client.get(f"{prefix}/open").json() == "open"
            assert client.get(f"{prefix}/docs").status_code == 200
            assert client.get(f"{prefix}/me").status_code == 401
            assert client.get(f"{prefix}/me", headers=ada).json() == "ada"


@pytest.mark.parametrize("root_path", ["", "/shop", "/shop/", "/sho"])
@pytest.mark.parametrize("path", ["/shop/open", "/shop//open", "//shop/open", "/shop/shop/open"])
def test_a_path_prefix_opens_only_what_the_router_serves(root_path: str, path: str) -> None:
    app = FastAPI()
    protect(app, public=["/open"])

    @app.get("/open")
    async def read_open() -> str:
        return "open"

    async def read_shop(request: Request) -> PlainTextResponse:
        return PlainTextResponse("a secret")

    app.add_route("/shop/open", read_shop)  # only the guard protects it
    with TestClient(app, root_path=root_path) as client:
        response = client.get(path)
    assert response.status_code in {401, 404} or response.json() == "open"


def test_the_openapi_document_knows_routes_that_are_added_late() -> None:
    app = make_app()
    assert "/late" not in app.openapi()["paths"]

    @app.get("/late")
    async def read_late(principal: CurrentPrincipal) -> str:
        return principal.user_id

    assert app.openapi()["paths"]["/late"]["get"]["security"] == [{"Bearer": []}]
    with TestClient(app) as client:
        assert client.get("/late").status_code == 401
        assert "/late" in client.get("/openapi.json").json()["paths"]


def test_the_openapi_document_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BETTER_AUTH_URL")
    app = make_app()
    assert app.openapi()["paths"]["/async"]["get"]["security"] == [{"Bearer": []}]


def test_a_route_that_is_added_after_the_start_is_protected(ada: dict[str, str]) -> None:
    app = make_app()
    with TestClient(app) as client:
        assert client.get("/late").status_code == 404

        @app.get("/late")
        async def read_late(request: Request) -> str:
            return "late"

        assert client.get("/late").status_code == 401
        assert client.get("/late", headers=ada).json() == "late"


def test_an_app_with_startup_handlers_keeps_them(ada: dict[str, str]) -> None:
    app = make_app()
    events: list[str] = []
    app.router.on_startup.append(lambda: events.append("started"))
    app.router.on_shutdown.append(lambda: events.append("stopped"))
    with TestClient(app) as client:
        assert client.get("/async", headers=ada).status_code == 200
        assert events == ["started"]
    assert events == ["started", "stopped"]


def test_a_lifespan_that_fails_does_not_hide_its_error() -> None:
    app = make_app()

    def fail() -> None:
        raise ZeroDivisionError

    app.router.on_startup.append(fail)
    with pytest.raises(ZeroDivisionError), TestClient(app):
        pass
    app.router.on_startup.clear()
    with TestClient(app) as client:
        assert client.get("/async").status_code == 401


def test_a_request_before_the_lifespan_leaves_nothing_open(
    issuer: Issuer, ada: dict[str, str]
) -> None:
    app = make_app()

    async def request_before_and_after() -> list[int]:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            before = await client.get("/async", headers=ada)
            async with app.router.lifespan_context(app):
                during = await client.get("/async", headers=ada)
            await asyncio.sleep(0)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
        return [before.status_code, during.status_code, len(tasks)]

    assert asyncio.run(request_before_and_after()) == [200, 200, 0]
    assert issuer.fetches == 2
