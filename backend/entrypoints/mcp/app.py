"""The app of the MCP server: a single route, with the authentication and limits of the Todo API."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response, Security
from starlette.types import Message, Receive, Scope, Send

from backend import __version__
from backend.container import Container
from backend.domain.auth import MissingTokenError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http import health
from backend.entrypoints.http.app import HEALTH_PATHS, Api, equip, lifespan
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.auth.errors import MissingScopeError
from backend.entrypoints.http.log_fields import current_request_id
from backend.entrypoints.http.metrics import scrape
from backend.entrypoints.http.problems.outages import Outage
from backend.entrypoints.http.problems.problem_error import ProblemError
from backend.entrypoints.http.todos.cursors import Cursors
from backend.entrypoints.http.todos.routes import SCOPES
from backend.entrypoints.http.tracing import telemetry_config
from backend.entrypoints.mcp.protocol import CALLER, MISSING_SCOPE, McpProtocol
from backend.entrypoints.mcp.todos import TodoTools

PATH: Final = "/mcp"

router = APIRouter()


def create_mcp_app(container: Container) -> Api:
    """Create the app of the MCP server.

    Args:
        container: Provides the settings and adapters of the app.

    Returns:
        An app that refuses to start if a route neither takes a principal nor is public.
    """
    settings = container.settings()
    tracing = container.tracing()
    routes = [*health.router.routes]
    if settings.metrics:
        routes += scrape.router.routes
    scopes = SCOPES if settings.auth_require_scopes else ()
    app = Api(
        title="MCP server of the Todo API",
        version=__version__,
        lifespan=_lifespan,
        routes=routes,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=telemetry_config(
            tracing, excluded={*HEALTH_PATHS, scrape.PATH}, root_path=settings.root_path or ""
        ),
    )
    app.include_router(router, dependencies=[Security(_name_scopes, scopes=scopes)])
    equip(app, container)
    app.state.protocol = McpProtocol(
        TodoTools(
            todos=container.todos(),
            cursors=Cursors(container.cursor_key()),
            clock=container.clock(),
        ),
        requires_scopes=settings.auth_require_scopes,
        report_outage=functools.partial(_report, app.state.outages.database),
    )
    return app


@router.post(PATH, include_in_schema=False)
async def serve_mcp(request: Request, principal: CurrentPrincipal) -> Response:
    """Serve a request of the Model Context Protocol.

    Raises:
        MissingTokenError: The request has a session cookie only, which any page can send.
        ProblemError: The request comes from a page that `CORS_ORIGINS` does not list.
    """
    if "authorization" not in request.headers:
        raise MissingTokenError("no Authorization header; the MCP server takes no cookies")
    _require_known_origin(request)
    request.scope[CALLER] = principal
    # The SDK would log an error if the client went away before the end of the body.
    return McpResponse(request.app.state.protocol, await request.body())


def _name_scopes() -> None:
    """Do nothing, as a dependency with scopes: clients find these scopes in the metadata.

    Each tool checks its own scope.
    """


class McpResponse(Response):
    """The response of the protocol, which the SDK writes as an ASGI app.

    Args:
        protocol: Serves the request.
        body: The body of the request.
    """

    def __init__(self, protocol: McpProtocol, body: bytes) -> None:
        super().__init__()
        self._protocol = protocol
        self._unread = [body]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, and send the response.

        Raises:
            MissingScopeError: The called tool needs a scope that the token lacks. Clients know
                from status 403 that they must ask for the scope; a tool's error is for models.
        """
        messages = list[Message]()

        async def read() -> Message:
            if not self._unread:
                return await receive()
            return {"type": "http.request", "body": self._unread.pop(), "more_body": False}

        async def keep(message: Message) -> None:
            messages.append(message)

        # Messages are kept until the end, because a missing scope changes the status.
        await self._protocol.serve(scope, read, keep)
        if MISSING_SCOPE in scope:
            raise MissingScopeError([scope[MISSING_SCOPE]])
        for message in messages:
            await send(message)


def _require_known_origin(request: Request) -> None:
    origins = request.headers.getlist("origin")
    allowed = request.app.settings.cors_origins
    if "*" not in allowed and not set(origins) <= {*allowed}:
        raise ProblemError(
            403,
            "origin_not_allowed",
            "A page in a browser may call this server only if CORS_ORIGINS lists its origin.",
        )


def _report(outage: Outage, error: RepositoryUnavailableError) -> None:
    outage.record(error, request_id=current_request_id.get() or "-")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with lifespan(app), app.state.protocol.run():
        yield
