"""From the headers of a request to its principal: reads the credentials and has them verified."""

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
from backend.entrypoints.http.auth.session_cookies import SessionCookies

_SCHEME: Final = b"bearer "
_TOKEN_CHARACTERS: Final = (string.ascii_letters + string.digits + "-._~+/").encode()
_OTHERS_TO_NUL: Final = bytes(byte if byte in _TOKEN_CHARACTERS else 0 for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """What an app takes for credentials, and who verifies them.

    Attributes:
        bearer: Verifies bearer tokens.
        cookies: How session cookies are accepted, if they are.
    """

    bearer: TokenVerifier
    cookies: SessionCookies | None = None

    def authenticate(self, scope: Scope) -> Awaitable[Principal]:
        """Return a request's principal, to be awaited: its token's place chooses the verifier.

        Raises:
            AuthError: The request does not authenticate anyone.
            ForbiddenOriginError: A page that may not do so made the request.
            VerifierUnavailableError: It cannot be told now whether it does.
        """
        headers = scope["headers"]
        cookie = self.cookies and self.cookies.find(headers)
        if not self.cookies or not cookie:
            return self.bearer.verify(bearer_token(headers))
        if any(name == b"authorization" for name, _ in headers):
            raise MalformedAuthorizationError("two kinds of credentials")
        self.cookies.check_origin(scope["method"], headers)
        return self.cookies.verifier.verify(cookie)


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Take the bearer token out of a request's headers (RFC 6750, section 2.1).

    Args:
        headers: The raw headers, names in lower case.

    Raises:
        MissingTokenError: There is no Authorization header.
        MalformedAuthorizationError: There are two, or it is not `Bearer`, a space and a token.
    """
    credentials = None
    for name, value in headers:
        if name == b"authorization":
            if credentials is not None:
                raise MalformedAuthorizationError("more than one Authorization header")
            credentials = value
    if credentials is None:
        raise MissingTokenError("no Authorization header")
    # Whitespace around a value is not part of it (RFC 9110, section 5.5); not all servers cut it.
    credentials = credentials.strip(b" \t")
    scheme, token = credentials[: len(_SCHEME)], credentials[len(_SCHEME) :]
    body = token.rstrip(b"=")
    if scheme.lower() != _SCHEME or not body or 0 in body.translate(_OTHERS_TO_NUL):
        raise MalformedAuthorizationError("not 'Bearer', one space and one token")
    return token.decode("ascii")
