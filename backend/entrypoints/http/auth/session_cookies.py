"""Session cookies as credentials: read strictly, and protected against CSRF.

A browser sends cookies with the requests of every page, whoever wrote the page. So a cookie does
not prove that its user meant the request. A request that changes data must also have an `Origin`
header that names a trusted page.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from backend.domain.auth import MalformedAuthorizationError, TokenVerifier

COOKIES_MAX: Final = 1024  # several times as many as a browser keeps for one site
COOKIES_MAX_BYTES: Final = 64 * 1024
SECURE_PREFIX: Final = "__Secure-"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
_CHUNK: Final = re.compile(r"\.(0|[1-9][0-9]?)")  # Better Auth writes at most 100 chunks


class ForbiddenOriginError(Exception):
    """A request changes data with a session cookie, and its origin is not allowed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookies:
    """Finds session cookies and checks the origin of requests that use them.

    Attributes:
        name: The name of the cookie, without `__Secure-`.
        verifier: Verifies the value of the cookie.
        origins: The origins whose pages may change data.
    """

    name: str
    verifier: TokenVerifier
    origins: Collection[str]

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return the value of the session cookie, with its chunks joined; None if there is none.

        Args:
            headers: The raw headers of a request, names in lower case.

        Raises:
            MalformedAuthorizationError: The session cookie was sent twice, a chunk is missing, or
                there are more cookies than any browser sends.
        """
        values = [value for name, value in headers if name == b"cookie"]
        if sum(map(len, values)) > COOKIES_MAX_BYTES:
            raise MalformedAuthorizationError("more than 64 KiB of cookies")
        if len(values) + sum(value.count(b";") for value in values) > COOKIES_MAX:
            raise MalformedAuthorizationError("more than 1,024 cookies")
        cookies = list(_parse(values))
        return _value(cookies, SECURE_PREFIX + self.name) or _value(cookies, self.name)

    def check_origin(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Check that a request which changes data comes from a trusted page.

        Raises:
            ForbiddenOriginError: The method changes data, and there is not exactly one Origin
                header with an allowed origin.
        """
        if method in _SAFE_METHODS:
            return
        sent = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if len(sent) != 1 or sent[0] not in self.origins:
            raise ForbiddenOriginError("a change with a session cookie needs an allowed Origin")


def _parse(values: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Parse Cookie headers (RFC 6265, section 4.2.1); HTTP/2 may send several."""
    for value in values:
        for pair in value.decode("latin-1").split(";"):
            name, _, content = pair.partition("=")
            yield name.strip(" \t"), content.strip(" \t")


def _value(cookies: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the value of a cookie, sent whole or in chunks `.0`, `.1`, … in numeric order."""
    whole, chunks = [], {}
    for key, value in cookies:
        if not value:  # Better Auth deletes a cookie by setting an empty value
            continue
        if key == name:
            whole.append(value)
        elif key.startswith(name) and (number := _CHUNK.fullmatch(key, len(name))):
            if int(number[1]) in chunks:
                raise MalformedAuthorizationError("a chunk of the session cookie was sent twice")
            chunks[int(number[1])] = value
    if len(whole) > 1:
        raise MalformedAuthorizationError("the session cookie was sent twice")
    if whole:
        return whole[0]
    if sorted(chunks) != list(range(len(chunks))):
        raise MalformedAuthorizationError("a chunk of the session cookie is missing")
    return "".join(chunks[number] for number in sorted(chunks)) or None
