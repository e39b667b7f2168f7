"""Checks that this machine can fetch and use the issuer's keys, and that the clocks agree."""

import functools
import time
from collections.abc import Callable, Collection, Iterator
from typing import Final

import httpx2

from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.explain.advice import BETTER_AUTH, Advice
from backend.adapters.auth.explain.clock import MAX_SKEW, diagnose_clock
from backend.adapters.auth.explain.key_set import (
    RUNNING_SERVER,
    accepted_access_tokens,
    accepted_tokens,
    fetched_keys,
)
from backend.adapters.auth.explain.search import response_headers
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.adapters.auth.oidc.discovery import DiscoveredKeySet
from backend.domain.diagnosis import Finding

_WRONG_URL: Final = frozenset(
    {FetchErrorKind.REDIRECT, FetchErrorKind.NOT_A_KEY_SET, FetchErrorKind.NOT_METADATA}
)


async def diagnose_issuer(  # noqa: PLR0913 - an argument for each setting
    client: httpx2.AsyncClient,
    url: str | None,
    *,
    has_secret: bool,
    metadata_issuer: str | None = None,
    advice: Advice = BETTER_AUTH,
    algorithms: Collection[str] = (),
    leeway: float = MAX_SKEW,
    policy: ClaimsPolicy | None = None,
    access_tokens: tuple[object, ClaimsPolicy] | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Finding]:
    """Fetch the key set as the server does, and compare the clocks.

    Args:
        client: The HTTP client; closed after use.
        url: The URL of the key set, or of the metadata that name it; None if no key set is
            configured.
        has_secret: Whether a shared secret is configured.
        metadata_issuer: The issuer whose metadata are at the URL; None if the key set is there.
        advice: The texts for the operator of this provider.
        algorithms: The accepted algorithms; empty for all.
        leeway: The tolerated clock skew in seconds.
        policy: The rules for the claims; None to leave out the description of accepted tokens.
        access_tokens: The rules for OAuth access tokens; None if they are not separate.
        clock: Returns the time in seconds since the epoch.
    """
    if url is None:
        return [_without_key_set(has_secret)]
    async with client:
        findings = await _diagnose_key_set(client, url, metadata_issuer, algorithms, clock, advice)
        headers = await response_headers(client, url)
        if policy is not None:
            findings.append(accepted_tokens(policy, url, advice.internal_address))
        if access_tokens is not None:
            findings.append(accepted_access_tokens(access_tokens[1]))
        return [*findings, diagnose_clock(headers, leeway=leeway, clock=clock)]


async def _diagnose_key_set(  # noqa: PLR0913, PLR0917 - the arguments of `diagnose_issuer`
    client: httpx2.AsyncClient,
    url: str,
    metadata_issuer: str | None,
    algorithms: Collection[str],
    clock: Callable[[], float],
    advice: Advice,
) -> list[Finding]:
    if metadata_issuer is None:
        try:
            keys = read_key_set(await fetch(client, url))
        except FetchError as error:
            return [await _fetch_failure(client, url, error, advice)]
        return list(_diagnose_keys(url, keys, algorithms, clock(), advice))
    discovery = DiscoveredKeySet(functools.partial(fetch, client), metadata_issuer)
    try:
        keys = read_key_set(await discovery())
    except FetchError as error:
        if not discovery.jwks_uri:
            return [await _fetch_failure(client, url, error, advice)]
        failure = Finding(check="keys", problem=str(error), remedy=advice.fetches.remedy(error))
        return [_metadata(url, discovery), failure]
    found = _diagnose_keys(discovery.jwks_uri, keys, algorithms, clock(), advice)
    return [_metadata(url, discovery), *found]


def _metadata(url: str, discovery: DiscoveredKeySet) -> Finding:
    return Finding(check="metadata", found=f"{url} names the key set {discovery.jwks_uri}")


def _without_key_set(has_secret: bool) -> Finding:
    if not has_secret:
        return Finding(check="keys", checked=False, found="neither an issuer nor a secret is set")
    found = (
        "the shared secret, for HS256 only; set BETTER_AUTH_URL for tokens of Better Auth's /token"
    )
    return Finding(check="keys", found=found)


def _diagnose_keys(
    url: str, keys: KeySet, algorithms: Collection[str], now: float, advice: Advice
) -> Iterator[Finding]:
    usable = [key for same_kid in keys.by_kid.values() for key in same_kid]
    offered = sorted({algorithm for key in usable for algorithm in key.algorithms})
    kids = [kid or "" for kid, same_kid in keys.by_kid.items() for _ in same_kid]
    found = (
        f"{len(usable)} usable at {url} ({', '.join(offered)}): {fetched_keys(kids, now)};"
        f" {RUNNING_SERVER}"
    )
    if not usable:
        remedy = advice.fetches.by_kind[FetchErrorKind.EMPTY]
        yield Finding(check="keys", problem=f"the key set at {url} is empty", remedy=remedy)
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


async def _fetch_failure(
    client: httpx2.AsyncClient, url: str, error: FetchError, advice: Advice
) -> Finding:
    remedy = None
    if error.kind in _WRONG_URL or error.status == httpx2.codes.NOT_FOUND:
        remedy = await advice.search(client, url)
    return Finding(
        check="keys",
        problem=f"{error}, from {url}",
        remedy=remedy or advice.fetches.remedy(error),
    )
