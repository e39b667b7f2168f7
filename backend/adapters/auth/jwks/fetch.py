"""Fetching a small document from an issuer that may be slow, wrong, huge or gone."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

DEADLINE: Final = 5.0
MAX_BYTES: Final = 1_000_000
MAX_RETRY_AFTER: Final = 300.0


class FetchError(Exception):
    """The document could not be had.

    Attributes:
        retry_after: Seconds that the issuer asked to be left alone, if it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


async def fetch(client: httpx2.AsyncClient, url: str, *, deadline: float = DEADLINE) -> bytes:
    """Return the body of a 200 answer.

    One deadline covers everything from the connection to the last byte; at most 1 MB is read;
    redirects are not followed and compressed answers are refused, so that neither the place nor
    the size of what is read is the other side's choice.

    Args:
        client: The HTTP client.
        url: Where the document is. Trusted configuration.
        deadline: Seconds that all of it may take.

    Raises:
        FetchError: Anything else than such an answer.
    """
    try:
        async with (
            asyncio.timeout(deadline),
            client.stream("GET", url, headers=_HEADERS, follow_redirects=False) as answer,
        ):
            return await _read(answer)
    except TimeoutError:
        raise FetchError(f"no whole answer within {deadline:g} s") from None
    except FetchError:
        raise
    except httpx2.RemoteProtocolError:  # its text quotes the answer
        raise FetchError("no whole answer in HTTP") from None
    except Exception as error:  # noqa: BLE001 - whatever a library thinks of it, it is an outage
        raise FetchError(f"{type(error).__name__}: {error}") from None


_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    # Fetches are minutes apart: a kept connection is dead by then, or of an event loop that is.
    "Connection": "close",
}


async def _read(answer: httpx2.Response) -> bytes:
    if answer.status_code != httpx2.codes.OK:
        raise FetchError(f"status {answer.status_code}", retry_after=_retry_after(answer.headers))
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchError("a compressed answer")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FetchError(f"more than {MAX_BYTES} bytes")
    return bytes(body)


def _retry_after(headers: httpx2.Headers) -> float | None:
    # Better Auth's rate limiter says X-Retry-After; RFC 9110, section 10.2.3, says Retry-After.
    stated = headers.get("Retry-After") or headers.get("X-Retry-After") or ""
    try:
        if stated.isascii() and stated.isdigit():
            seconds = float(stated)
        else:
            seconds = (parsedate_to_datetime(stated) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
