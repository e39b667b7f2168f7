"""Response headers in the OpenAPI document, as components that responses refer to."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Allow": {
        "description": "The methods that this path supports.",
        "schema": {"type": "string"},
        "example": "GET, HEAD",
    },
    "Content-Disposition": {
        "description": "Browsers save the response as a file with this name.",
        "required": True,
        "schema": {"type": "string"},
        "example": 'attachment; filename="export.jsonl"',
    },
    "ETag": {
        "description": "The version of the todo. Send it as `If-Match` or `If-None-Match`.",
        "required": True,
        "schema": {"type": "string"},
        "example": '"1"',
    },
    "Location": {
        "description": "The path of the new todo.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/api/todos/0198a3f2-7c1e-7a10-9c3b-2f6d5e4a1b00",
    },
    "Retry-After": {
        "description": "The number of seconds to wait before the next attempt.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "WWW-Authenticate": {
        "description": "Which credentials are needed (RFC 6750, section 3). With status 403, only"
        " if the credentials lack a scope.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="api"',
    },
    "X-Request-ID": {
        "description": "The id of this request in the server's log.",
        "required": True,
        "schema": {"type": "string"},
        "example": "0198a3f2-7c1e-7a10",
    },
}

# The headers that every problem with a status has.
_OF_STATUS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.FORBIDDEN: "WWW-Authenticate",
    HTTPStatus.METHOD_NOT_ALLOWED: "Allow",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}


def header_references(*names: str) -> dict[str, dict[str, str]]:
    """Return the OpenAPI description of response headers: keys of `HEADERS`."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problem_headers(status: int) -> dict[str, dict[str, str]]:
    """Return the OpenAPI description of the headers that problems with a status have."""
    names = [_OF_STATUS[status]] if status in _OF_STATUS else []
    return header_references(*names)
