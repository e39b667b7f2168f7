"""Checks whether the issuer's keys can be fetched and used here, and whether the clocks agree."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import httpx2

from backend.adapters.auth.better_auth.tokens import BASE_PATH, origin_of
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.explain.clock import MAX_SKEW, diagnose_clock
from backend.adapters.auth.explain.fetches import EMPTY, fetch_remedy
from backend.adapters.auth.explain.key_set import (
    RUNNING_SERVER,
    accepted_access_tokens,
    accepted_tokens,
    fetched_keys,
)
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.fetch import DEADLINE, fetch
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.adapters.auth.redaction.values import quoted
from backend.domain.diagnosis import Finding

_BASE_PATHS: Final = (BASE_PATH, "/auth", "/api", "/api/better-auth")
_WRONG_URL: Final = frozenset({FetchErrorKind.REDIRECT, FetchErrorKind.NOT_A_KEY_SET})


async def diagnose_issuer(  # noqa: PLR0913 - one argument for each setting
    client: httpx2.AsyncClient,
    url: str | None,
    *,
    has_secret: bool,
    algorithms: Collection[str] = (),
    leeway: float = MAX_SKEW,
    policy: ClaimsPolicy | None = None,
    access_tokens: tuple[object, ClaimsPolicy] | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Finding]:
    """Fetch the key set as the server does, and compare the clocks.

    Args:
        client: The HTTP client; closed after use.
        url: The URL of the key set; None if no key set is configured.
        has_secret: Whether a shared secret is configured.
        algorithms: The accepted algorithms; empty for all.
        leeway: The tolerated clock skew in seconds.
        policy: The rules for the claims; None to leave out which tokens are accepted.
        access_tokens: The rules for OAuth access tokens; None if they are not separate.
        clock: Returns the time in seconds since the epoch.
    """
    if url is None:
        return [_without_key_set(has_secret)]
    async with client:
        try:
            keys = read_key_set(await fetch(client, url))
        except FetchError as error:
            findings = [await _fetch_failure(client, url, error)]
        else:
            findings = list(_diagnose_keys(url, keys, algorithms, clock()))
        headers = await _response_headers(client, url)
        if policy is not None:
            findings.append(accepted_tokens(policy, url))
        if access_tokens is not None:
            findings.append(accepted_access_tokens(access_tokens[1]))
        return [*findings, diagnose_clock(headers, leeway=leeway, clock=clock)]


def _without_key_set(has_secret: bool) -> Finding:
    if not has_secret:
        return Finding(check="keys", checked=False, found="neither an issuer nor a secret is set")
    found = (
        "the shared secret, for HS256 only; set BETTER_AUTH_URL for tokens of Better Auth's /token"
    )
    return Finding(check="keys", found=found)


def _diagnose_keys(
    url: str, keys: KeySet, algorithms: Collection[str], now: float
) -> Iterator[Finding]:
    usable = [key for same_kid in keys.by_kid.values() for key in same_kid]
    offered = sorted({algorithm for key in usable for algorithm in key.algorithms})
    kids = [kid or "" for kid, same_kid in keys.by_kid.items() for _ in same_kid]
    found = (
        f"{len(usable)} usable at {url} ({', '.join(offered)}): {fetched_keys(kids, now)};"
        f" {RUNNING_SERVER}"
    )
    if not usable:
        yield Finding(check="keys", problem=f"the key set at {url} is empty", remedy=EMPTY)
    elif algorithms and set(algorithms).isdisjoint(offered):
        yield Finding(
            check="keys",
            found=found,
            expected=", ".join(sorted(algorithms)),
            problem="no key is for an accepted algorithm",
            remedy="Add an algorithm of the keys to AUTH_ALGORITHMS, or unset AUTH_ALGORITHMS.",
        )
    else:
        yield Finding(check="keys", found=found)
    if keys.rejected:
        yield Finding(
            check="unusable keys",
            problem="; ".join(keys.rejected),
            remedy="The server ignores these keys and uses the others. Remove them at the issuer.",
        )


async def _fetch_failure(client: httpx2.AsyncClient, url: str, error: FetchError) -> Finding:
    remedy = None
    if error.kind in _WRONG_URL or error.status == httpx2.codes.NOT_FOUND:
        remedy = await _search_remedy(client, url)
    return Finding(
        check="keys", problem=f"{error}, from {url}", remedy=remedy or fetch_remedy(error)
    )


async def _search_remedy(client: httpx2.AsyncClient, url: str) -> str | None:
    """Search for Better Auth behind a redirect and at the usual base paths."""
    headers = await _response_headers(client, url)
    location = None if headers is None else headers.get("Location")
    if location:
        return (
            f"The server redirects to {quoted(location)}, and redirects are not followed. Set"
            " BETTER_AUTH_URL (or AUTH_JWKS_URL) to the final address."
        )
    path = urlsplit(url).path.removesuffix("/jwks").rstrip("/")
    paths = dict.fromkeys((f"{path}{BASE_PATH}", *_BASE_PATHS, path))  # without duplicates
    bases = [origin_of(url) + base_path for base_path in paths]
    has_keys = await asyncio.gather(*(_has_key_set(client, base) for base in bases))
    if any(has_keys):
        base = bases[has_keys.index(True)]
        return f"The key set is at {base}/jwks: set BETTER_AUTH_URL={base.removesuffix(BASE_PATH)}."
    is_alive = await asyncio.gather(*(_is_better_auth(client, base) for base in bases))
    if any(is_alive):
        base = bases[is_alive.index(True)]
        return f"Better Auth is at {base}, but has no keys. Add its plugin: `plugins: [jwt()]`."
    return None


async def _has_key_set(client: httpx2.AsyncClient, base_url: str) -> bool:
    with suppress(FetchError):
        read_key_set(await fetch(client, f"{base_url}/jwks"))
        return True
    return False


async def _is_better_auth(client: httpx2.AsyncClient, base_url: str) -> bool:
    with suppress(FetchError):
        return (await fetch(client, f"{base_url}/ok")).strip() == b'{"ok":true}'
    return False


async def _response_headers(client: httpx2.AsyncClient, url: str) -> httpx2.Headers | None:
    """Return the headers of a response with any status; None if there is no response."""
    with suppress(Exception):  # the fetch of the key set has already reported the failure
        async with asyncio.timeout(DEADLINE), client.stream("GET", url) as response:
            return response.headers
    return None
