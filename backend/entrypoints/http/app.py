"""The FastAPI application, made from a container; importing this module makes nothing."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from backend.container import Container
from backend.entrypoints.http import health, me, telemetry
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.session_cookies import SessionCookies
from backend.entrypoints.http.auth.startup_check import require_protection
from backend.entrypoints.http.hosts import TrustedHosts
from backend.entrypoints.http.problems import handlers
from backend.entrypoints.http.problems.problem_details import ProblemDetails
from backend.entrypoints.http.todos import routes as todos
from backend.entrypoints.http.todos.cursors import Cursors

SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
}

# Path templates under /api that need no principal.
PUBLIC: Final[frozenset[str]] = frozenset()

# What pages of other origins may send, and may read.
ALLOWED_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
)
EXPOSED_HEADERS: Final = ("ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Request-ID")


def create_app(container: Container, *, public: Collection[str] = PUBLIC) -> "Api":
    """Make the application.

    Args:
        container: Where its parts come from.
        public: Path templates under /api that need no principal.

    Returns:
        An app that refuses to start with a route under /api that is neither protected nor public.
    """
    settings = container.settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        require_protection(app, public=app.state.public)
        async with AsyncExitStack() as stack:
            for resource in container.resources():
                await stack.enter_async_context(resource)
            yield

    modules = [me, todos, health]
    if settings.metrics:
        modules.append(telemetry)
    app = Api(
        title="Secured Todo API",
        summary="Todos for the users that Better Auth signed in.",
        lifespan=lifespan,
        # An included router is looked through twice for every request.
        routes=[route for module in modules for route in module.router.routes],
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would send the caller to a place that Host names
        telemetry=SILENT,
    )
    app.state.public = frozenset(public)
    app.authenticator = Authenticator(
        bearer=container.token_verifier(), cookies=_session_cookies(container)
    )
    app.state.todos = container.todos()
    app.state.cursors = Cursors(container.cursor_key())
    app.state.clock = container.clock()
    app.state.checks = container.checks()
    app.state.key_set_state = container.key_set_state()

    handlers.install(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=app.authenticator.cookies is not None,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )
    if settings.trusted_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts)
    return app


def _session_cookies(container: Container) -> SessionCookies | None:
    verifier = container.session_verifier()
    if verifier is None:
        return None
    name = container.settings().auth_cookie_name
    return SessionCookies(name=name, verifier=verifier, origins=container.web_origins())


class Api(FastAPI):
    """FastAPI, with problem details and session cookies in its OpenAPI document.

    Attributes:
        authenticator: Turns the credentials of a request into its principal.
    """

    authenticator: Authenticator

    def build_middleware_stack(self) -> ASGIApp:
        """Put telemetry around everything, the answer to an unexpected error included."""
        return telemetry.Telemetry(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        template = "#/components/schemas/{model}"
        schema = ProblemDetails.model_json_schema(ref_template=template)
        schemas.update(schema.pop("$defs"))
        schemas["ProblemDetails"] = schema
        if self.authenticator.cookies is not None:
            _document_cookie(document, self.authenticator.cookies.name)
        return document


def _document_cookie(document: dict[str, Any], name: str) -> None:
    """Say that every operation which takes a bearer token takes a session cookie instead."""
    scheme = {"type": "apiKey", "in": "cookie", "name": name}
    document["components"]["securitySchemes"]["SessionCookie"] = scheme
    for operations in document["paths"].values():
        for operation in operations.values():
            security = operation.get("security", [])
            if security and {"SessionCookie": []} not in security:
                security.append({"SessionCookie": []})
