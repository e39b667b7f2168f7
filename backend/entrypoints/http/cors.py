"""CORS: which pages of other origins may call the API, and what they may send and read."""

from collections.abc import Iterable
from typing import Final

from fastapi.routing import iter_route_contexts
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from backend.settings import Settings

ALLOWED_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-ID",
    "baggage",  # this header and the next two: tracing (W3C)
    "traceparent",
    "tracestate",
)
EXPOSED_HEADERS: Final = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)

# A mounted app may have any of these methods.
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def with_cors(
    app: ASGIApp, settings: Settings, *, routes: Iterable[BaseRoute], credentials: bool
) -> ASGIApp:
    """Add CORS headers to every response of an app, if the settings name any origin.

    Args:
        app: An ASGI app, with its error handling: responses to errors need the headers too.
        settings: The settings.
        routes: The routes of the app.
        credentials: Whether pages may send cookies.
    """
    if not settings.cors_origins:
        return app
    listed = {method for route in iter_route_contexts([*routes]) for method in route.methods or ()}
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_credentials=credentials,
        allow_methods=sorted(_METHODS | listed),
        allow_headers=(*ALLOWED_HEADERS, *settings.cors_headers),
        expose_headers=EXPOSED_HEADERS,
    )
