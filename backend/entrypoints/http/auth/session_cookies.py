"""Session cookies as credentials: taken out of a request, and only where no page can forge it.

A browser sends cookies along whoever wrote the page, so that a cookie alone does not say that its
user meant the request (CSRF). For a method that changes something, `Origin` has to say so too.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from backend.domain.auth import MalformedAuthorizationError, TokenVerifier

COOKIES_MAX: Final = 1024  # several times what browsers keep for a site
COOKIES_MAX_BYTES: Final = 64 * 1024
SECURE_PREFIX: Final = "__Secure-"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
_CHUNK: Final = re.compile(r"\.(0|[1-9][0-9]?)")  # Better Auth makes 100 at most


class ForbiddenOriginError(Exception):
    """A change that comes with a cookie, from a page that may not make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookies:
    """How session cookies are accepted.

    Attributes:
        name: The cookie's name, without `__Secure-`.
        verifier: Verifies its value.
        origins: The origins whose pages may change things.
    """

    name: str
    verifier: TokenVerifier
    origins: Collection[str]

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return the value of the session cookie, its chunks joined; None if there is none.

        Args:
            headers: The raw headers, names in lower case.

        Raises:
            MalformedAuthorizationError: There are two such cookies, a chunk is missing, or there is
                more than any browser sends.
        """
        values = [value for name, value in headers if name == b"cookie"]
        if sum(map(len, values)) > COOKIES_MAX_BYTES:
            raise MalformedAuthorizationError("more than 64 KiB of cookies")
        if len(values) + sum(value.count(b";") for value in values) > COOKIES_MAX:
            raise MalformedAuthorizationError("more than 1,024 cookies")
        sent = list(_pairs(values))
        return _joined(sent, SECURE_PREFIX + self.name) or _joined(sent, self.name)

    def check_origin(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Check that a page which may do so made the request.

        Raises:
            ForbiddenOriginError: The method changes something, and Origin names no such page.
        """
        if method in _SAFE_METHODS:
            return
        sent = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if len(sent) != 1 or sent[0] not in self.origins:
            raise ForbiddenOriginError("a change by cookie, from no origin that may make it")


def _pairs(values: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Read Cookie headers (RFC 6265, section 4.2.1); HTTP/2 may send several."""
    for value in values:
        for pair in value.decode("latin-1").split(";"):
            name, _, content = pair.partition("=")
            yield name.strip(" \t"), content.strip(" \t")


def _joined(sent: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the value of one cookie, whole or in chunks `.0`, `.1`, … in numeric order."""
    whole, chunks = [], {}
    for key, value in sent:
        if key == name and value:  # an empty one is one that Better Auth took back
            whole.append(value)
        elif key.startswith(name) and (number := _CHUNK.fullmatch(key, len(name))) and value:
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
