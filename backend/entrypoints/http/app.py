"""The FastAPI application, made from a container. Importing this module creates nothing."""

import functools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from backend import __version__
from backend.container import Container
from backend.entrypoints.http import health, me, metrics
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.principal_parameters import require_verified_principals
from backend.entrypoints.http.auth.session_cookies import SessionCookies
from backend.entrypoints.http.auth.startup_check import require_protection
from backend.entrypoints.http.cors import with_cors
from backend.entrypoints.http.head import HeadRequests
from backend.entrypoints.http.hosts import TrustedHosts
from backend.entrypoints.http.problems import handlers
from backend.entrypoints.http.problems.middleware import shutting_down
from backend.entrypoints.http.problems.outages import Outages
from backend.entrypoints.http.problems.problem_details import ProblemDetails
from backend.entrypoints.http.query_limit import QueryLimit
from backend.entrypoints.http.root_path import RootPath
from backend.entrypoints.http.telemetry import Telemetry
from backend.entrypoints.http.todos import routes as todos
from backend.entrypoints.http.todos.cursors import Cursors
from backend.settings import Settings

# Path templates under /api that need no principal.
PUBLIC: Final[frozenset[str]] = frozenset()

# FastAPI's own telemetry is off: `Telemetry` does this work.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
}


def create_app(container: Container, *, public: Collection[str] = PUBLIC) -> "Api":
    """Create the application.

    Args:
        container: Provides the settings and adapters of the application.
        public: Path templates under /api that need no principal.

    Returns:
        An app that refuses to start if a route under /api is neither protected nor public.
    """
    settings = container.settings()
    app = Api(
        title="Secured Todo API",
        summary="Todos for the users that Better Auth signed in.",
        version=__version__,
        lifespan=_lifespan(container),
        routes=_routes(settings),
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,  # the `Host` header would choose where a redirect leads
        telemetry=_NO_TELEMETRY,
    )
    app.settings = settings
    app.authenticator = Authenticator(
        token_verifier=container.token_verifier(), session_cookies=_session_cookies(container)
    )
    app.state.public = frozenset(public)
    app.state.todos = container.todos()
    app.state.cursors = Cursors(container.cursor_key())
    app.state.clock = container.clock()
    app.state.checks = container.checks()
    app.state.key_set_state = container.key_set_state()
    app.state.metrics_text = metrics.MetricsText(container.key_set_state())
    app.state.outages = Outages(app.state.checks)
    handlers.install(app, app.state.outages)
    app.add_middleware(QueryLimit)
    if settings.trusted_hosts:
        health_paths = {r.path for r in health.router.routes if isinstance(r, APIRoute)}
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts, always=health_paths)
    return app


def _lifespan(container: Container) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        require_verified_principals(app)
        require_protection(app, public=app.state.public)
        async with AsyncExitStack() as stack:
            for resource in container.resources():
                await stack.enter_async_context(resource)
            stack.push_async_callback(app.state.outages.stop)
            yield

    return lifespan


def _routes(settings: Settings) -> list[BaseRoute]:
    modules = [me, todos, health]
    if settings.metrics:
        modules.append(metrics)
    # Not `include_router()`: FastAPI searches an included router twice for every request.
    return [route for module in modules for route in module.router.routes]


def _session_cookies(container: Container) -> SessionCookies | None:
    verifier = container.session_verifier()
    if verifier is None:
        return None
    names = container.cookie_names()
    return SessionCookies(names=names, verifier=verifier, origins=container.web_origins())


class Api(FastAPI):
    """FastAPI, with problem details and session cookies in its OpenAPI document.

    Attributes:
        authenticator: Turns the credentials of a request into its principal.
        settings: The settings of the application.
    """

    authenticator: Authenticator
    settings: Settings

    _extended: dict[str, Any] | None = None  # the document of FastAPI that `openapi` has completed
    _serialized: tuple[object, str, bytes] = (None, "", b"")  # document, root path, and its JSON

    def build_middleware_stack(self) -> ASGIApp:
        """Put telemetry and CORS around everything, even around responses with status 500."""
        add_cors = functools.partial(
            with_cors,
            settings=self.settings,
            routes=self.routes,
            credentials=self.authenticator.session_cookies is not None,
        )
        stack: ASGIApp = Telemetry(
            HeadRequests(add_cors(super().build_middleware_stack())),
            cancelled=add_cors(shutting_down),
        )
        root_path = self.settings.root_path
        if not root_path:
            return stack
        paths = [route.path or "" for route in iter_route_contexts(self.routes)]
        is_ambiguous = any(path.startswith(f"{root_path}/") for path in paths)
        return RootPath(stack, root_path, is_ambiguous=is_ambiguous)

    def setup(self) -> None:
        """Add the routes of the documentation, ours first: the first of two equal paths is used."""
        if self.openapi_url:
            self.add_route(self.openapi_url, self._serve_openapi, include_in_schema=False)
        super().setup()

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        if document is self._extended:
            return document
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        template = "#/components/schemas/{model}"
        schema = ProblemDetails.model_json_schema(ref_template=template)
        schemas.update(schema.pop("$defs"))
        schemas["ProblemDetails"] = schema
        if self.authenticator.session_cookies is not None:
            _document_session_cookie(document, self.authenticator.session_cookies.names[-1])
        self._extended = document
        return document

    async def _serve_openapi(self, request: Request) -> Response:
        """Return the document from memory; FastAPI would serialise it for every request."""
        document = self.openapi()
        root_path = request.scope.get("root_path", "").rstrip("/")
        if self._serialized[0] is not document or self._serialized[1] != root_path:
            servers = [{"url": root_path}, *document.get("servers", ())]
            shown = {**document, "servers": servers} if root_path else document
            self._serialized = (document, root_path, bytes(JSONResponse(shown).body))
        return Response(self._serialized[2], media_type="application/json")


def _document_session_cookie(document: dict[str, Any], name: str) -> None:
    """Document that operations which take a bearer token also take a session cookie."""
    scheme = {"type": "apiKey", "in": "cookie", "name": name}
    document["components"]["securitySchemes"]["SessionCookie"] = scheme
    for operations in document["paths"].values():
        for operation in operations.values():
            security = operation.get("security", [])
            if security and {"SessionCookie": []} not in security:
                security.append({"SessionCookie": []})
