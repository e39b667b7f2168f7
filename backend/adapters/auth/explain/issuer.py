"""Whether an issuer's keys can be had and used from here, and whether the clocks agree."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx2

from backend.adapters.auth.better_auth.tokens import BASE_PATH
from backend.adapters.auth.explain.fetches import of_fetch
from backend.adapters.auth.explain.redaction import quoted
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.fetch import DEADLINE, fetch
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.domain.diagnosis import Finding

MAX_SKEW: Final = 5.0

_BASE_PATHS: Final = (BASE_PATH, "/auth", "/api", "/api/better-auth")
_ELSEWHERE: Final = frozenset({FetchErrorKind.REDIRECT, FetchErrorKind.NOT_A_KEY_SET})
_DATE_PRECISION: Final = 1.0  # RFC 9110, section 5.6.7: whole seconds


async def diagnose_issuer(  # noqa: PLR0913 - what is configured, a line each in the container
    client: httpx2.AsyncClient,
    url: str | None,
    *,
    has_secret: bool,
    algorithms: Collection[str] = (),
    leeway: float = MAX_SKEW,
    clock: Callable[[], float] = time.time,
) -> list[Finding]:
    """Look at an issuer as the key source does.

    Args:
        client: The HTTP client.
        url: Where its key set is; None if there is none.
        has_secret: Whether a shared secret is configured.
        algorithms: Those that are accepted; empty for all.
        leeway: Seconds by which clocks may differ.
        clock: The time in seconds since the epoch.
    """
    if url is None:
        return [_without_issuer(has_secret)]
    async with client:
        try:
            keys = read_key_set(await fetch(client, url))
        except FetchError as error:
            findings = [await _unreachable(client, url, error)]
        else:
            findings = list(_of_keys(url, keys, algorithms))
        return [*findings, await _of_clock(client, url, min(leeway, MAX_SKEW), clock)]


def _without_issuer(has_secret: bool) -> Finding:
    if not has_secret:
        return Finding(check="keys", checked=False, found="neither an issuer nor a secret is set")
    found = "the shared secret, for HS256 only; for tokens of Better Auth's /token, set"
    return Finding(check="keys", found=f"{found} BETTER_AUTH_URL")


def _of_keys(url: str, keys: KeySet, algorithms: Collection[str]) -> Iterator[Finding]:
    usable = [key for named in keys.by_kid.values() for key in named]
    offered = sorted({algorithm for key in usable for algorithm in key.algorithms})
    found = f"{len(usable)} usable at {url} ({', '.join(offered)})"
    if not usable:
        remedy = "Fetch a token from Better Auth's /api/auth/token: it makes its first key then."
        yield Finding(check="keys", problem=f"the key set at {url} is empty", remedy=remedy)
    elif algorithms and set(algorithms).isdisjoint(offered):
        yield Finding(
            check="keys",
            found=found,
            expected=", ".join(sorted(algorithms)),
            problem="none is for an algorithm that is accepted",
            remedy="Put one of theirs into AUTH_ALGORITHMS, or unset it.",
        )
    else:
        yield Finding(check="keys", found=found)
    if keys.rejected:
        yield Finding(
            check="unusable keys",
            problem="; ".join(keys.rejected),
            remedy="They are never used, the others are. Remove them at the issuer.",
        )


async def _unreachable(client: httpx2.AsyncClient, url: str, error: FetchError) -> Finding:
    remedy = of_fetch(error)
    if error.kind in _ELSEWHERE or error.status == httpx2.codes.NOT_FOUND:
        remedy = await _elsewhere(client, url) or remedy
    return Finding(check="keys", problem=f"{error}, from {url}", remedy=remedy)


async def _elsewhere(client: httpx2.AsyncClient, url: str) -> str | None:
    """Return a better remedy, if the issuer is found under a path that is usual."""
    answer = await _ask(client, url)
    place = answer.headers.get("Location") if answer is not None else None
    if place:
        return (
            f"It redirects to {quoted(place)}, which is never followed. Set BETTER_AUTH_URL (or"
            " AUTH_JWKS_URL) to where it leads."
        )
    parts = urlsplit(url)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.removesuffix("/jwks").rstrip("/")
    bases = dict.fromkeys(origin + base for base in (f"{path}{BASE_PATH}", *_BASE_PATHS, path))
    published = await asyncio.gather(*(_publishes_keys(client, base) for base in bases))
    for base in (base for base, publishes in zip(bases, published, strict=True) if publishes):
        return f"The key set is at {base}/jwks: set BETTER_AUTH_URL={base.removesuffix(BASE_PATH)}."
    living = await asyncio.gather(*(_is_better_auth(client, base) for base in bases))
    for base in (base for base, lives in zip(bases, living, strict=True) if lives):
        return f"Better Auth is at {base}, but without keys: add its plugin, `plugins: [jwt()]`."
    return None


async def _publishes_keys(client: httpx2.AsyncClient, base: str) -> bool:
    try:
        read_key_set(await fetch(client, f"{base}/jwks"))
    except FetchError:
        return False
    return True


async def _is_better_auth(client: httpx2.AsyncClient, base: str) -> bool:
    with suppress(FetchError):
        return (await fetch(client, f"{base}/ok")).strip() == b'{"ok":true}'
    return False


async def _of_clock(
    client: httpx2.AsyncClient, url: str, tolerance: float, clock: Callable[[], float]
) -> Finding:
    answer = await _ask(client, url)
    said = None if answer is None else _date(answer.headers)
    if said is None:
        return Finding(check="clock", checked=False, found="the issuer does not tell the time")
    behind = said - clock()
    found = f"{abs(behind):.0f} s {'behind' if behind > 0 else 'ahead of'} the issuer's"
    if abs(behind) <= tolerance + _DATE_PRECISION:
        return Finding(check="clock", found="agrees with the issuer's")
    return Finding(
        check="clock",
        problem=f"your clock is {found}",
        remedy="Synchronise both (NTP). AUTH_LEEWAY is for what is left.",
    )


async def _ask(client: httpx2.AsyncClient, url: str) -> httpx2.Response | None:
    """Return the head of an answer, whatever its status."""
    with suppress(Exception):  # as it was with the key set, of which was told already
        async with asyncio.timeout(DEADLINE), client.stream("GET", url) as answer:
            return answer
    return None


def _date(headers: httpx2.Headers) -> float | None:
    """Return the time that an answer tells; what a cache kept has aged since (RFC 9111, 5.1)."""
    with suppress(KeyError, ValueError, OverflowError):
        age = headers.get("Age", "")
        date = parsedate_to_datetime(headers["Date"])
        said = date if date.tzinfo else date.replace(tzinfo=UTC)
        return said.timestamp() + (float(age) if age.isascii() and age.isdigit() else 0)
    return None
