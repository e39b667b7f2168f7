"""Authenticates requests: reads the credentials from the headers and has them verified."""

import string
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from backend.domain.auth import (
    MalformedAuthorizationError,
    MissingTokenError,
    Principal,
    TokenVerifier,
)
from backend.entrypoints.http.auth.session_cookies import WEBSOCKET, SessionCookies

_SCHEME: Final = b"bearer "
_TOKEN_CHARACTERS: Final = (string.ascii_letters + string.digits + "-._~+/").encode()
_OTHERS_TO_NUL: Final = bytes(byte if byte in _TOKEN_CHARACTERS else 0 for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Turns the credentials of a request into its principal.

    The header that carries the credentials chooses the verifier; their format does not. An
    Authorization header comes first: a browser adds cookies automatically, but never a bearer
    token.

    Attributes:
        token_verifier: Verifies bearer tokens from the Authorization header.
        session_cookies: Reads and verifies session cookies; None if they are not accepted.
        resource_metadata: The URL that challenges name, so that clients find the authorization
            server (RFC 9728, section 5.1); None without `AUTH_RESOURCE`.
    """

    token_verifier: TokenVerifier
    session_cookies: SessionCookies | None = None
    resource_metadata: str | None = None

    def authenticate(self, scope: Scope) -> Awaitable[Principal]:
        """Verify the credentials of a request, or of the handshake of a WebSocket.

        Args:
            scope: The ASGI scope of the request.

        Returns:
            The verifier's own awaitable, whose result is the principal. Another coroutine around
            that awaitable would slow down every request.

        Raises:
            AuthError: The request has no valid credentials.
            ForbiddenOriginError: A page sent the request with a session cookie, and its origin is
                not allowed to do that.
            VerifierUnavailableError: The credentials cannot be verified now.
        """
        headers = scope["headers"]
        cookies = self.session_cookies
        if cookies is None or any(name == b"authorization" for name, _ in headers):
            return self.token_verifier.verify(read_bearer_token(headers))
        candidates = cookies.find(headers)
        if not candidates:
            accepted = " or ".join(cookies.names)
            raise MissingTokenError(f"no Authorization header, and no cookie {accepted}")
        # Some servers give a WebSocket the method of its handshake.
        is_websocket = scope["type"] == "websocket"
        cookies.check_origin(WEBSOCKET if is_websocket else scope["method"], headers)
        return cookies.verify(candidates)


def read_bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Read the bearer token from the Authorization header (RFC 6750, section 2.1).

    Args:
        headers: The raw headers of a request, names in lower case.

    Raises:
        MissingTokenError: There is no Authorization header.
        MalformedAuthorizationError: There are several Authorization headers, or the header is not
            `Bearer`, one space and a token.
    """
    credentials = None
    for name, value in headers:
        if name == b"authorization":
            if credentials is not None:
                raise MalformedAuthorizationError("more than one Authorization header")
            credentials = value
    if credentials is None:
        raise MissingTokenError("no Authorization header")
    # Surrounding whitespace is not part of a value (RFC 9110, section 5.5); some servers keep it.
    credentials = credentials.strip(b" \t")
    scheme, token = credentials[: len(_SCHEME)], credentials[len(_SCHEME) :]
    body = token.rstrip(b"=")
    if scheme.lower() != _SCHEME or not body or 0 in body.translate(_OTHERS_TO_NUL):
        raise MalformedAuthorizationError("not 'Bearer', one space and one token")
    return token.decode("ascii")
