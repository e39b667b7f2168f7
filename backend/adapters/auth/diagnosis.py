"""Whether an issuer's keys can be had and used from here, and whether the clocks agree."""

import asyncio
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from backend.adapters.auth.fetch import DEADLINE, FetchError, fetch
from backend.adapters.auth.key_set import read_key_set
from backend.domain.diagnosis import Finding

MAX_SKEW: Final = 5.0


async def diagnose_issuer(
    client: httpx2.AsyncClient, url: str | None, *, clock: Callable[[], float] = time.time
) -> list[Finding]:
    """Look at an issuer as the key source does.

    Args:
        client: The HTTP client.
        url: Where its key set is; None if there is none.
        clock: The time in seconds since the epoch.
    """
    if url is None:
        return [Finding(check="keys: a shared secret, so no issuer is asked")]
    try:
        keys = read_key_set(await fetch(client, url))
    except FetchError as error:
        remedy = (
            "Start Better Auth, or mend the URL: a 404 is a wrong base path, to be put into"
            " BETTER_AUTH_URL, or a Better Auth without its plugin `jwt`."
        )
        return [Finding(check=f"keys at {url}", problem=str(error), remedy=remedy)]
    rejected = "; ".join(keys.rejected)
    skew = await _skew(client, url, clock)
    return [
        Finding(check=f"{len(keys.by_kid)} keys at {url}"),
        _finding("no unusable keys", rejected, "They are never used. The issuer should drop them."),
        _finding(
            "clock",
            f"{skew:+.0f} s off the issuer's" if abs(skew) > MAX_SKEW else "",
            "Synchronise both clocks (NTP).",
        ),
    ]


def _finding(check: str, problem: str, remedy: str) -> Finding:
    return Finding(check=check, problem=problem, remedy=remedy) if problem else Finding(check=check)


async def _skew(client: httpx2.AsyncClient, url: str, clock: Callable[[], float]) -> float:
    """Return the seconds by which this clock is ahead of the issuer's, to a second or so."""
    try:
        async with asyncio.timeout(DEADLINE), client.stream("GET", url) as answer:
            said = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (httpx2.HTTPError, TimeoutError, KeyError, ValueError):
        return 0.0
    return clock() - said
