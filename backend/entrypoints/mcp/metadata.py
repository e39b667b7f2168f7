"""Tells clients where to get a token: the metadata of the protected resource (RFC 9728)."""

from collections.abc import Awaitable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.entrypoints.http.todos.routes import SCOPES

_WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_CHALLENGE: Final = b"www-authenticate"
_SCHEME: Final = b"Bearer "
# The document is public, so scripts of any page may read it.
_HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def metadata_path(url: str) -> str:
    """Return the path of the metadata of a resource (section 3.1).

    Args:
        url: The URL of the resource.
    """
    return f"{_WELL_KNOWN}{urlsplit(url).path.rstrip('/')}"


def metadata_url(url: str) -> str:
    """Return the URL of the metadata of a resource."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{metadata_path(url)}"


def metadata_route(url: str, *, servers: Iterable[str], requires_scopes: bool) -> Route:
    """Return the route of the metadata.

    Args:
        url: The URL of the resource.
        servers: The issuers of its tokens.
        requires_scopes: Whether the tools need scopes. Clients ask for the scopes of this document.
    """
    document: dict[str, Any] = {
        "resource": url,
        "authorization_servers": sorted(servers),
        "bearer_methods_supported": ["header"],
        "resource_name": "Todos",
    }
    if requires_scopes:
        document["scopes_supported"] = [*SCOPES]

    async def serve(_request: Request) -> JSONResponse:
        return JSONResponse(document, headers=_HEADERS)

    return Route(metadata_path(url), serve, methods=["GET"])


class MetadataChallenges:
    """Pure ASGI middleware that adds `resource_metadata` to challenges (section 5.1).

    Args:
        app: The ASGI app that serves the requests.
        url: The URL of the metadata.
    """

    def __init__(self, app: ASGIApp, *, url: str) -> None:
        self._app = app
        self._parameter = f', resource_metadata="{url}"'.encode()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request."""

        def send_with_metadata(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [self._extend(*header) for header in message["headers"]]
            return send(message)

        return self._app(scope, receive, send_with_metadata)

    def _extend(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() == _CHALLENGE and value.startswith(_SCHEME):
            value += self._parameter
        return name, value
