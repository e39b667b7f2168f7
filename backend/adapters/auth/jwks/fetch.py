"""Fetches a small document. The issuer may be slow or down, and the response wrong or huge."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind

DEADLINE: Final = 5.0  # seconds
MAX_BYTES: Final = 1_000_000
MAX_RETRY_AFTER: Final = 300.0  # seconds

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    # Fetches are minutes apart. Until the next fetch, the server may have closed the connection, or
    # the event loop may be another.
    "Connection": "close",
}
_COMPRESSIONS: Final = frozenset({"br", "deflate", "gzip", "x-gzip", "zstd"})
_GZIP: Final = b"\x1f\x8b"  # RFC 1952: a file that was compressed in advance, sent without a header


async def fetch(
    client: httpx2.AsyncClient,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    deadline: float = DEADLINE,
) -> bytes:
    """Return the body of a 200 response.

    The deadline covers everything from the connection to the last byte. At most 1 MB is read.
    Redirects are not followed and compressed responses are rejected, so the server can choose
    neither another URL nor a larger size.

    Args:
        client: The HTTP client.
        url: The URL of the document. Trusted configuration.
        headers: Further headers of the request.
        deadline: The longest time for the whole request, in seconds.

    Raises:
        FetchError: There was no such response.
    """
    try:
        async with (
            asyncio.timeout(deadline),
            client.stream(
                "GET", url, headers={**_HEADERS, **(headers or {})}, follow_redirects=False
            ) as response,
        ):
            return await _read(response)
    except (TimeoutError, httpx2.TimeoutException):
        raise FetchError(
            f"no complete response within {deadline:g} s", kind=FetchErrorKind.TIMEOUT
        ) from None
    except FetchError:
        raise
    except httpx2.RemoteProtocolError:  # the message of this exception quotes the response
        raise FetchError("no complete HTTP response", kind=FetchErrorKind.NOT_HTTP) from None
    except Exception as error:  # noqa: BLE001 - every failure of the client is an outage
        raise FetchError(f"{type(error).__name__}: {error}", kind=_kind(error)) from None


async def _read(response: httpx2.Response) -> bytes:
    status = response.status_code
    if status != httpx2.codes.OK:
        raise FetchError(
            f"HTTP {status}",
            kind=FetchErrorKind.REDIRECT if response.is_redirect else FetchErrorKind.STATUS,
            status=status,
            retry_after=_retry_after(response.headers),
        )
    _check_encoding(response.headers.get("Content-Encoding", ""))
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FetchError(
                f"the response has more than {MAX_BYTES} bytes", kind=FetchErrorKind.TOO_LARGE
            )
    if body.startswith(_GZIP):
        _check_encoding("gzip")
    return bytes(body)


def _check_encoding(encoding: str) -> None:
    encoding = encoding.strip().lower()
    if encoding not in {"", "identity"}:
        name = encoding if encoding in _COMPRESSIONS else "an unusual encoding"
        raise FetchError(
            f"the response is compressed ({name}), although the request does not accept that",
            kind=FetchErrorKind.COMPRESSED,
        )


def _retry_after(headers: httpx2.Headers) -> float | None:
    # Better Auth's rate limiter sends X-Retry-After; RFC 9110, section 10.2.3: Retry-After.
    value = headers.get("Retry-After") or headers.get("X-Retry-After") or ""
    try:
        if value.isascii() and value.isdigit():
            seconds = float(value)
        else:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _kind(error: Exception) -> FetchErrorKind:
    """Classify an exception of the client, which wraps the exceptions of TLS."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FetchErrorKind.CERTIFICATE
        if isinstance(cause, ssl.SSLError):
            return FetchErrorKind.TLS
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.ReadError):
        return FetchErrorKind.NOT_HTTP
    return FetchErrorKind.UNREACHABLE
