"""The FastAPI application, made from a container. Importing this module creates nothing."""

import functools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from backend import __version__
from backend.container import Container
from backend.entrypoints.http import health, log_fields, me, user_data
from backend.entrypoints.http.auth.dependencies import requires_scopes
from backend.entrypoints.http.auth.protection import Protection
from backend.entrypoints.http.body_limit import BodyLimit
from backend.entrypoints.http.cors import with_cors
from backend.entrypoints.http.head import HeadRequests
from backend.entrypoints.http.hosts import TrustedHosts
from backend.entrypoints.http.metrics import scrape
from backend.entrypoints.http.metrics.state import Sources, StateMetrics
from backend.entrypoints.http.openapi import document as openapi_document
from backend.entrypoints.http.problems import handlers
from backend.entrypoints.http.problems.middleware import shutting_down
from backend.entrypoints.http.problems.outages import Outages
from backend.entrypoints.http.protect import protect
from backend.entrypoints.http.query_limit import QueryLimit
from backend.entrypoints.http.root_path import RootPath
from backend.entrypoints.http.telemetry import Telemetry
from backend.entrypoints.http.todos import routes as todos
from backend.entrypoints.http.todos.cursors import Cursors
from backend.entrypoints.http.tracing import RouteSpans, telemetry_config
from backend.settings import Settings

_TITLE: Final = "Secured Todo API"

HEALTH_PATHS: Final = frozenset(
    route.path for route in health.router.routes if isinstance(route, APIRoute)
)

_READING: Final = frozenset({"GET", "HEAD"})


def create_app(
    container: Container,
    *,
    public: Collection[str] = (),
    start_page: Callable[[Settings], list[Route]] | None = None,
) -> "Api":
    """Create the application.

    Args:
        container: Provides the settings and adapters of the application.
        public: Path templates that need no principal, beside health, metrics and documentation.
        start_page: Makes the routes of the page `/`, for development only.

    Returns:
        An app that refuses to start if a route neither takes a principal nor is public.
    """
    settings = container.settings()
    tracing = container.tracing()
    pages = start_page(settings) if start_page else []
    if settings.docs:
        from backend.entrypoints.http.pages import documentation  # noqa: PLC0415 - off mostly

        pages = [*documentation.routes(_TITLE), *pages]
    app = Api(
        title=_TITLE,
        summary="Todos of signed-in users, who see only their own.",
        version=__version__,
        description=openapi_document.DESCRIPTION,
        license_info=openapi_document.LICENSE,
        openapi_tags=openapi_document.TAGS,
        lifespan=lifespan,
        routes=_routes(settings),
        openapi_url=openapi_document.PATH if settings.docs else None,
        docs_url=None,  # FastAPI's pages load scripts from a CDN, and have inline scripts
        redoc_url=None,
        redirect_slashes=False,  # the `Host` header would choose where a redirect leads
        telemetry=telemetry_config(
            tracing, excluded={*HEALTH_PATHS, scrape.PATH}, root_path=settings.root_path or ""
        ),
    )
    if settings.auth_require_scopes:
        for module in (todos, user_data):
            _include_with_scopes(app, module.router)
    app.router.routes.extend(pages)  # the last routes: the others are used more often
    app.state.todos = container.todos()
    app.state.user_data = container.user_data()
    app.state.cursors = Cursors(container.cursor_key())
    app.state.clock = container.clock()
    return equip(app, container, public={*public, *(page.path for page in pages)})


def equip(app: "Api", container: Container, *, public: Collection[str] = ()) -> "Api":
    """Add what every server of this project has: authentication, problems, limits and metrics.

    Args:
        app: The app, with the routes of health and, if the settings ask for them, of metrics.
        container: Provides the settings and adapters of the app.
        public: Path templates that need no principal, beside health and metrics.
    """
    settings = container.settings()
    app.settings = settings
    app.tracing = container.tracing()
    if app.tracing is not None:
        log_fields.current_trace.find_id = app.tracing.current_trace_id
    app.state.checks = container.checks()
    app.state.draining = False
    app.state.outages = Outages(app.state.checks)
    app.state.sources = Sources(
        key_set=container.key_set_state(),
        key_sets=container.key_set_states(),
        token_cache=container.token_cache_state,
        pools=container.pools,
        outages=app.state.outages.in_progress,
    )
    app.state.metrics_text = scrape.MetricsText(StateMetrics(app.state.sources))
    handlers.install(app, app.state.outages)
    # Inside the guard, so that anonymous requests get 401 even with large bodies.
    app.router.middleware_stack = BodyLimit(app.router.middleware_stack)
    paths = {*public, *HEALTH_PATHS, *([scrape.PATH] if settings.metrics else [])}
    app.protection = protect(app, public=paths, container=container)
    app.add_middleware(QueryLimit)
    if settings.trusted_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts, always=HEALTH_PATHS)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Publish the metrics while an app runs, and report the outages when it stops."""
    async with app.state.metrics_text.publish():
        yield
    await app.state.outages.stop()


def _routes(settings: Settings) -> list[BaseRoute]:
    modules = [me, health]
    if not settings.auth_require_scopes:
        modules += [todos, user_data]
    if settings.metrics:
        modules.append(scrape)
    # FastAPI would search a router of `include_router()` twice for every request.
    return [route for module in modules for route in module.router.routes]


def _include_with_scopes(app: FastAPI, router: APIRouter) -> None:
    """Include routes that store or show todos. Require a scope to read and another to write."""
    reading = [route for route in router.routes if getattr(route, "methods", set()) <= _READING]
    writing = [route for route in router.routes if route not in reading]
    for scope, routes in ((todos.READ_SCOPE, reading), (todos.WRITE_SCOPE, writing)):
        app.include_router(APIRouter(routes=routes), dependencies=[requires_scopes(scope)])


class Api(FastAPI):
    """FastAPI, with problem details and session cookies in its OpenAPI document.

    Attributes:
        protection: The authentication of the app.
        settings: The settings of the application.
        tracing: Makes and exports spans; None if nothing is traced.
    """

    protection: Protection
    settings: Settings
    tracing: Any

    _extended: dict[str, Any] | None = None  # the document of FastAPI that `openapi` has completed
    _serialized: tuple[object, str, bytes] = (None, "", b"")  # document, root path, and its JSON

    def build_middleware_stack(self) -> ASGIApp:
        """Put telemetry and CORS around everything, even around responses with status 500."""
        add_cors = functools.partial(
            with_cors,
            settings=self.settings,
            routes=self.routes,
            credentials=self.protection.parts.session_cookies is not None,
        )
        stack: ASGIApp = Telemetry(
            HeadRequests(add_cors(super().build_middleware_stack())),
            cancelled=add_cors(shutting_down),
        )
        if self.tracing is not None:
            stack = RouteSpans(stack, self.tracing.name_current_span)
        root_path = self.settings.root_path
        if not root_path:
            return stack
        paths = [route.path or "" for route in iter_route_contexts(self.routes)]
        is_ambiguous = any(path.startswith(f"{root_path}/") for path in paths)
        return RootPath(stack, root_path, is_ambiguous=is_ambiguous)

    def setup(self) -> None:
        """Add the routes of the documentation; `_serve_openapi` comes first, so it is used."""
        if self.openapi_url:
            self.add_route(self.openapi_url, self._serve_openapi, include_in_schema=False)
        super().setup()

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        if document is not self._extended:
            from backend.entrypoints.http.openapi import completion  # noqa: PLC0415 - see there

            completion.complete(document, self, self.protection)
            self._extended = document
        return document

    async def _serve_openapi(self, request: Request) -> Response:
        """Return the document from memory; FastAPI would serialise it for every request."""
        document = self.openapi()
        root_path = request.scope.get("root_path", "").rstrip("/")
        if self._serialized[0] is not document or self._serialized[1] != root_path:
            shown = {**document, "servers": [{"url": root_path or "/"}]}
            self._serialized = (document, root_path, bytes(JSONResponse(shown).body))
        return Response(self._serialized[2], media_type="application/json")
