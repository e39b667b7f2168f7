"""The FastAPI application, made from a container. Importing this module creates nothing."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from backend.container import Container
from backend.entrypoints.http import health, me, metrics
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.session_cookies import SessionCookies
from backend.entrypoints.http.auth.startup_check import require_protection
from backend.entrypoints.http.hosts import TrustedHosts
from backend.entrypoints.http.problems import handlers
from backend.entrypoints.http.problems.problem_details import ProblemDetails
from backend.entrypoints.http.telemetry import Telemetry
from backend.entrypoints.http.todos import routes as todos
from backend.entrypoints.http.todos.cursors import Cursors
from backend.settings import Settings

# Path templates under /api that need no principal.
PUBLIC: Final[frozenset[str]] = frozenset()

# CORS: the headers that pages of other origins may send, and may read.
ALLOWED_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
)
EXPOSED_HEADERS: Final = ("ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Request-ID")

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
        lifespan=_lifespan(container),
        routes=_routes(settings),
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,  # the `Host` header would choose where a redirect leads
        telemetry=_NO_TELEMETRY,
    )
    app.authenticator = Authenticator(
        token_verifier=container.token_verifier(), session_cookies=_session_cookies(container)
    )
    app.state.public = frozenset(public)
    app.state.todos = container.todos()
    app.state.cursors = Cursors(container.cursor_key())
    app.state.clock = container.clock()
    app.state.checks = container.checks()
    app.state.key_set_state = container.key_set_state()
    handlers.install(app)
    _add_middleware(app, settings)
    return app


def _lifespan(container: Container) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        require_protection(app, public=app.state.public)
        async with AsyncExitStack() as stack:
            for resource in container.resources():
                await stack.enter_async_context(resource)
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


def _add_middleware(app: "Api", settings: Settings) -> None:
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=app.authenticator.session_cookies is not None,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )
    if settings.trusted_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts)


class Api(FastAPI):
    """FastAPI, with problem details and session cookies in its OpenAPI document.

    Attributes:
        authenticator: Turns the credentials of a request into its principal.
    """

    authenticator: Authenticator

    def build_middleware_stack(self) -> ASGIApp:
        """Put telemetry around everything, even around the response to an unexpected error."""
        return Telemetry(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        template = "#/components/schemas/{model}"
        schema = ProblemDetails.model_json_schema(ref_template=template)
        schemas.update(schema.pop("$defs"))
        schemas["ProblemDetails"] = schema
        if self.authenticator.session_cookies is not None:
            _document_session_cookie(document, self.authenticator.session_cookies.names[-1])
        return document


def _document_session_cookie(document: dict[str, Any], name: str) -> None:
    """Document that operations which take a bearer token also take a session cookie."""
    scheme = {"type": "apiKey", "in": "cookie", "name": name}
    document["components"]["securitySchemes"]["SessionCookie"] = scheme
    for operations in document["paths"].values():
        for operation in operations.values():
            security = operation.get("security", [])
            if security and {"SessionCookie": []} not in security:
                security.append({"SessionCookie": []})
