"""The bearer token of a WebSocket, among the subprotocols of the handshake.

A browser cannot set the headers of a WebSocket, so its token may come as a subprotocol:

    new WebSocket(url, ["bearer", token])

`move_bearer_token` makes an `Authorization` header of that token. So the token is read and verified
like the token of any request, and the app does not see it among the subprotocols.
"""

import string
from typing import Final

from starlette.types import Scope

BEARER: Final = "bearer"

_HEADER: Final = b"sec-websocket-protocol"
# Allowed in a subprotocol (RFC 6455, section 4.1) and in a bearer token (RFC 6750, section 2.1).
_TOKEN_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + "-._~+")


def move_bearer_token(scope: Scope) -> bool:
    """Move the token from the subprotocols of a handshake to an `Authorization` header.

    The token is the subprotocol after `bearer`. If the token is missing or malformed, the header is
    malformed too. If there is an `Authorization` header already, the handshake has two such
    headers.

    Args:
        scope: The scope of a WebSocket, which is changed in place.

    Returns:
        Whether the client offered `bearer`. The server must then select a subprotocol, because
        browsers close a connection without a subprotocol (WHATWG WebSockets, section 4.1).
    """
    offered: list[str] = list(scope.get("subprotocols") or ())
    if BEARER not in offered:
        return False
    position = offered.index(BEARER)
    token = "".join(offered[position + 1 : position + 2])
    if offered.count(BEARER) == 1 and _TOKEN_CHARACTERS.issuperset(token):
        del offered[position : position + 2]
    else:
        token, offered = "", []  # any subprotocol may be a token
    headers = [header for header in scope["headers"] if header[0] != _HEADER]
    if offered:
        # Servers decode a header as Latin-1, or as ASCII with surrogates.
        left = ", ".join(offered).encode("latin-1", "surrogateescape")
        headers.append((_HEADER, left))
    headers.append((b"authorization", f"Bearer {token}".encode("ascii")))
    scope["subprotocols"], scope["headers"] = offered, headers
    return True
