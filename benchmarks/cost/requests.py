"""The bytes of a request, and the kinds of requests that are measured."""

import itertools
import string
from dataclasses import dataclass

FILL = 60_000  # bytes: the server accepts 64 KiB of request line and headers, and 64 KiB of body
PLAIN = "GET /api/me"
SHORT_TODO = b'{"title": "Buy milk", "description": "two litres", "priority": "high"}'
LONG_TODO = b'{"title": "x", "description": "' + b"x" * 10_000 + b'"}'
NAMES = ["".join(letters) for letters in itertools.product(string.ascii_letters, repeat=3)]


@dataclass(frozen=True, kw_only=True)
class Input:
    """A kind of request.

    Attributes:
        data: The bytes of the requests, which are sent in turn.
        cookies: The format of session cookies that the server accepts.
    """

    group: str
    name: str
    data: tuple[bytes, ...]
    cookies: str = "compact"


@dataclass(frozen=True, kw_only=True)
class Users:
    """The tokens of three users, and a todo.

    Attributes:
        reader: Has 100 short todos.
        writer: Creates and changes todos.
        hoarder: Has 100 todos of the longest description.
        todo_id: The id of a todo of the writer.
    """

    reader: str
    writer: str
    hoarder: str
    todo_id: str


def request(
    target: str, *headers: str, token: str | None = None, body: bytes | None = None
) -> bytes:
    """Return the bytes of a request.

    Args:
        target: The method and the path.
        headers: Further header lines.
        token: The bearer token.
        body: The body, with its `Content-Length`.
    """
    lines = [f"{target} HTTP/1.1", "Accept: application/json"]
    if not any(header.startswith("Host:") for header in headers):
        lines.append("Host: 127.0.0.1")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
        if not any(header.startswith("Content-Type:") for header in headers):
            lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + (body or b"")
