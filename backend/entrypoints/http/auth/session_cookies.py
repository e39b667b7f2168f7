"""Session cookies as credentials: read strictly, and protected against CSRF.

A browser also sends cookies with requests that a page of another site makes. So a cookie does not
prove that the user wants the request. A request that changes data must have an `Origin` header with
a trusted origin. Pages of other sites may link to the API, but must not embed its responses
(`Sec-Fetch-Site`, Fetch Metadata Request Headers). A page of any site may open a WebSocket and read
from it, because CORS does not apply. So the handshake of a WebSocket counts as a change.

A browser may send several session cookies with the same name, for example a cookie of the host and
a cookie of its domain. The request does not say which cookie is the newest, so the first valid
cookie counts.
"""

import re
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    MalformedAuthorizationError,
    Principal,
    TokenVerifier,
    VerifierUnavailableError,
)

COOKIES_MAX: Final = 1024  # several times as many as a browser keeps for one site
COOKIES_MAX_BYTES: Final = 64 * 1024
WEBSOCKET: Final = "WEBSOCKET"  # for `check_origin`: the scope of a WebSocket has no method
CANDIDATES_MAX: Final = 4  # each may cost the check of a signature

_FETCH_METADATA: Final = frozenset({b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
_CHUNK: Final = re.compile(r"\.(0|[1-9][0-9]?)")  # Better Auth writes at most 100 chunks


class MalformedCookieError(MalformedAuthorizationError):
    """The request has no complete session cookie, or more cookies than any browser sends."""

    detail = "The session cookie is incomplete, or the request has too many cookies."
    reason = "malformed_cookie"


class ForbiddenOriginError(Exception):
    """A page sent a request with a session cookie, and its origin is not allowed to do that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookies:
    """Finds session cookies and checks which page sent the requests that use them.

    Attributes:
        names: The accepted names of the cookie, the preferred name first.
        verifier: Verifies the value of the cookie.
        origins: The origins whose pages may change data.
    """

    names: Sequence[str]
    verifier: TokenVerifier
    origins: Collection[str]

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> Sequence[str]:
        """Return the values of the session cookie, with chunks joined: at most four, or none.

        Args:
            headers: The raw headers of a request, names in lower case.

        Raises:
            MalformedCookieError: There are only incomplete session cookies, more than four
                candidates, or more cookies than any browser sends.
        """
        values = [value for name, value in headers if name == b"cookie"]
        if sum(map(len, values)) > COOKIES_MAX_BYTES:
            raise MalformedCookieError("more than 64 KiB of cookies")
        if len(values) + sum(value.count(b";") for value in values) > COOKIES_MAX:
            raise MalformedCookieError("more than 1,024 cookies")
        cookies = list(_parse(values))
        candidates: list[str] = []
        incomplete = False
        for name in self.names:
            whole, chunks = _select(cookies, name)
            candidates += whole
            if chunks:
                joined = list(islice(_join(chunks), CANDIDATES_MAX + 1))
                incomplete |= not joined
                candidates += joined
        if len(candidates) > CANDIDATES_MAX:
            raise MalformedCookieError("more than four session cookies")
        if incomplete and not candidates:
            raise MalformedCookieError("a chunk of the session cookie is missing")
        return list(dict.fromkeys(candidates))

    def verify(self, candidates: Sequence[str]) -> Awaitable[Principal]:
        """Verify the values that `find` returned. The first valid value gives the principal.

        Raises:
            AuthError: No value is valid. `ExpiredTokenError` if a value was valid and has expired.
            VerifierUnavailableError: No value is known to be valid, and a value cannot be verified
                now.
        """
        if len(candidates) == 1:
            return self.verifier.verify(candidates[0])
        return self._verify_each(candidates)

    async def _verify_each(self, candidates: Sequence[str]) -> Principal:
        errors: list[AuthError | VerifierUnavailableError] = []
        for candidate in candidates:
            try:
                return await self.verifier.verify(candidate)
            except (AuthError, VerifierUnavailableError) as error:
                errors.append(error)
        raise max(errors, key=_precedence)

    def check_origin(self, method: str, headers: Collection[tuple[bytes, bytes]]) -> None:
        """Check that the page which sent a request may use the session cookie.

        A page of another site may only link to the API. A page of the same site may read; to change
        data, its `Origin` must be trusted.

        Args:
            method: The method of the request, or `WEBSOCKET`.
            headers: The raw headers of the request, names in lower case.

        Raises:
            ForbiddenOriginError: The request is not allowed.
        """
        fetch = {name: value for name, value in headers if name in _FETCH_METADATA}
        cross_site = fetch.get(b"sec-fetch-site") == b"cross-site"
        if cross_site and not _is_navigation(method, fetch):
            raise ForbiddenOriginError("a page of another site must send a bearer token")
        if method in _SAFE_METHODS:
            return
        sent = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if len(sent) != 1 or sent[0] not in self.origins:
            raise ForbiddenOriginError(
                "a change or a WebSocket with a session cookie needs an allowed Origin"
            )


def _precedence(error: AuthError | VerifierUnavailableError) -> tuple[bool, bool]:
    return isinstance(error, VerifierUnavailableError), isinstance(error, ExpiredTokenError)


def _is_navigation(method: str, fetch: Mapping[bytes, bytes]) -> bool:
    """Return whether a user follows a link to the API: other pages cannot read the response."""
    return (
        method == "GET"
        and fetch.get(b"sec-fetch-mode") == b"navigate"
        and fetch.get(b"sec-fetch-dest") == b"document"
    )


def _parse(values: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Parse Cookie headers (RFC 6265, section 4.2.1); HTTP/2 may send several."""
    for value in values:
        for pair in value.decode("latin-1").split(";"):
            name, _, content = pair.partition("=")
            yield name.strip(" \t"), content.strip(" \t")


def _select(
    cookies: Iterable[tuple[str, str]], name: str
) -> tuple[list[str], dict[int, list[str]]]:
    """Return the whole values of a cookie, and the values of its chunks `.0`, `.1`, … by number."""
    whole: list[str] = []
    chunks: dict[int, list[str]] = {}
    for key, value in cookies:
        if not value:  # Better Auth deletes a cookie by setting an empty value
            continue
        if key == name:
            whole.append(value)
        elif key.startswith(name) and (number := _CHUNK.fullmatch(key, len(name))):
            chunks.setdefault(int(number[1]), []).append(value)
    return whole, chunks


def _join(chunks: Mapping[int, Sequence[str]]) -> Iterator[str]:
    """Join chunks in numeric order; for chunks that were sent several times, in every likely way.

    Browsers send the cookies of each name in the same order. So the first chunks of all numbers
    belong together, as do the second chunks. If a number was sent less often than the number before
    it, some cookies have fewer chunks. The headers do not say which cookies, so each text is
    returned both with and without further chunks.
    """
    ordered = [chunks[number] for number in sorted(chunks)]
    if sorted(chunks) != list(range(len(ordered))):
        return
    for index in range(max(map(len, ordered), default=0)):
        text = ""
        for number, values in enumerate(ordered):
            if number and len(values) < len(ordered[number - 1]):
                yield text
            text += values[min(index, len(values) - 1)]
        yield text
