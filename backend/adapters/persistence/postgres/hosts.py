"""Connects to the primary among several hosts, even if some hosts do not answer."""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

NEXT_HOST_AFTER: Final = 1.0  # seconds to wait for an answer before the next host is tried too


async def connect(dsn: str, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect to the first host of a URL that accepts the connection.

    A machine that lost its power or its network is silent. The driver would wait for that host
    until the timeout, and never try the hosts after it.

    Args:
        dsn: The URL.
        **options: The other arguments of `asyncpg.connect`.

    Returns:
        The connection. The attempts at the other hosts have ended.

    Raises:
        OSError: A host cannot be reached.
        asyncpg.PostgresError: A host refuses the connection.
        asyncpg.TargetServerAttributeNotMatched: No host is the primary.
    """
    hosts = split_hosts(dsn)
    attempts: set[asyncio.Task[asyncpg.Connection[asyncpg.Record]]] = set()
    errors: list[BaseException] = []
    try:
        while hosts or attempts:
            if hosts:
                attempts.add(asyncio.create_task(asyncpg.connect(hosts.pop(0), **options)))
            done, _ = await asyncio.wait(
                attempts,
                timeout=NEXT_HOST_AFTER if hosts else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                attempts.discard(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result()
                errors.append(error)
    finally:
        await _give_up(attempts)
    raise min(errors, key=_rank)


def split_hosts(dsn: str) -> list[str]:
    """Return a URL for each host of a URL."""
    parts = urlsplit(dsn)
    credentials, separator, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [dsn]
    return [
        parts._replace(netloc=f"{credentials}{separator}{host}").geturl()
        for host in hosts.split(",")
    ]


async def _give_up(attempts: "set[asyncio.Task[asyncpg.Connection[asyncpg.Record]]]") -> None:
    """Cancel the other attempts, and close connections that they have opened meanwhile."""
    for attempt in attempts:
        attempt.cancel()
    for result in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(result, asyncpg.Connection):
            result.terminate()


def _rank(error: BaseException) -> int:
    """Return the rank of an error. The error with the lowest rank says most about the cause."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return 2  # a standby is not the primary
    return 1 if isinstance(error, OSError) else 0
