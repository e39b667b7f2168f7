"""The metadata of this API as an OAuth protected resource (RFC 9728).

Every challenge names the URL of the metadata, and the metadata name the authorization server. So a
client can find the server that asks a user for access.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

# Browsers ask first (OPTIONS) if a client sends headers of its own, as MCP clients do.
_CORS: Final = {
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Max-Age": "86400",
}
_HEADERS: Final = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMetadata:
    """The URL and the content of the metadata.

    Attributes:
        resource: The URL that clients request as `resource`.
        issuers: The authorization servers that issue tokens for this API.
    """

    resource: str
    issuers: Collection[str]

    @property
    def url(self) -> str:
        """The URL of the metadata: the well-known path comes before that of the resource."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.removesuffix('/')}"

    @property
    def path(self) -> str:
        """The path of `url`, as servers see it."""
        return unquote(urlsplit(self.url).path)

    def route(self, scopes: Sequence[str]) -> Route:
        """Return the route that serves the metadata to everybody.

        Args:
            scopes: The scopes that the routes of the app require.
        """
        document: dict[str, Any] = {
            "resource": self.resource,
            "authorization_servers": sorted(self.issuers),
            "bearer_methods_supported": ["header"],
        }
        if scopes:
            document["scopes_supported"] = list(scopes)

        async def resource_metadata(request: Request) -> Response:
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={**_HEADERS, **_CORS})
            return JSONResponse(document, headers=_HEADERS)

        return MetadataRoute(self.path, resource_metadata, methods=["GET", "OPTIONS"])


class MetadataRoute(Route):
    """The route of the metadata. An app has at most one such route."""
