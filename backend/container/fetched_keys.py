"""Makes the source of keys that are fetched. Imported only if the issuer has a key set."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.oidc.discovery import DiscoveredKeySet
from backend.container.issuer import Issuer
from backend.container.tracing import traced_fetch
from backend.settings.authentication import AuthSettings


def make_keys(
    settings: AuthSettings, issuer: Issuer, keys_url: str, client: Any, tracer: Any
) -> JwksKeys:
    """Make the source of the issuer's keys.

    Args:
        settings: How long keys are used.
        issuer: Says whether the URL is that of metadata which name the key set.
        keys_url: The URL to fetch.
        client: The HTTP client.
        tracer: Makes a span of each fetch; None if nothing is traced.
    """
    return JwksKeys(
        traced_fetch(_fetch(issuer, keys_url, client), keys_url, tracer),
        source=keys_url,
        max_age=settings.auth_jwks_max_age,
        max_stale=settings.auth_jwks_max_stale,
        workers=settings.processes,
    )


def _fetch(issuer: Issuer, keys_url: str, client: Any) -> Callable[[], Awaitable[bytes]]:
    if issuer.metadata_issuer is not None:
        return DiscoveredKeySet(functools.partial(fetch, client), issuer.metadata_issuer)
    return functools.partial(fetch, client, keys_url)
