"""Searches for the issuer after a failed fetch, because the URL in the settings may be wrong."""

import asyncio
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import httpx2

from backend.adapters.auth.better_auth.tokens import BASE_PATH, origin_of
from backend.adapters.auth.jose.jws import load_object
from backend.adapters.auth.jwks.errors import FetchError
from backend.adapters.auth.jwks.fetch import DEADLINE, fetch
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.adapters.auth.oidc.discovery import read_jwks_uri
from backend.adapters.auth.redaction.values import quoted
from backend.domain.auth import MalformedTokenError

_BASE_PATHS: Final = (BASE_PATH, "/auth", "/api", "/api/better-auth")
_KEY_SET_URL: Final = (
    "`jwks_uri` must be an https URL. Only an issuer on plain http may use plain http, and only at"
    " its own origin. Fix the metadata at the issuer, or set AUTH_JWKS_URL to the URL of its key"
    " set."
)


async def find_better_auth(client: httpx2.AsyncClient, url: str) -> str | None:
    """Search for Better Auth behind a redirect and at the usual base paths.

    Args:
        client: The HTTP client.
        url: The URL of the key set that was not found.

    Returns:
        The remedy; None if nothing was found.
    """
    if remedy := await _redirect_remedy(client, url, variable="BETTER_AUTH_URL"):
        return remedy
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


async def find_metadata(client: httpx2.AsyncClient, url: str) -> str | None:
    """Examine the response at the URL of the metadata: a redirect, or metadata that do not fit.

    Args:
        client: The HTTP client.
        url: The URL of the metadata.

    Returns:
        The remedy; None if nothing was found.
    """
    if remedy := await _redirect_remedy(client, url, variable="OIDC_ISSUER"):
        return remedy
    with suppress(FetchError, MalformedTokenError):
        document = await fetch(client, url)
        issuer = load_object(document).get("issuer")
        if isinstance(issuer, str) and issuer:
            if not _has_key_set_url(document, issuer):
                return _KEY_SET_URL
            return (
                f"The metadata are of the issuer {quoted(issuer, name='iss')}. If that is the"
                " issuer of your tokens, set OIDC_ISSUER to exactly this text."
            )
    return None


async def response_headers(client: httpx2.AsyncClient, url: str) -> httpx2.Headers | None:
    """Return the headers of a response with any status; None if there is no response."""
    with suppress(Exception):  # the fetch of the key set has already reported the failure
        async with asyncio.timeout(DEADLINE), client.stream("GET", url) as response:
            return response.headers
    return None


async def _redirect_remedy(client: httpx2.AsyncClient, url: str, *, variable: str) -> str | None:
    headers = await response_headers(client, url)
    location = None if headers is None else headers.get("Location")
    if not location:
        return None
    return (
        f"The server redirects to {quoted(location)}, and redirects are not followed. Set"
        f" {variable} (or AUTH_JWKS_URL) to the final address."
    )


def _has_key_set_url(metadata: bytes, issuer: str) -> bool:
    with suppress(FetchError):
        return bool(read_jwks_uri(metadata, issuer))
    return False


async def _has_key_set(client: httpx2.AsyncClient, base_url: str) -> bool:
    with suppress(FetchError):
        read_key_set(await fetch(client, f"{base_url}/jwks"))
        return True
    return False


async def _is_better_auth(client: httpx2.AsyncClient, base_url: str) -> bool:
    with suppress(FetchError):
        return (await fetch(client, f"{base_url}/ok")).strip() == b'{"ok":true}'
    return False
