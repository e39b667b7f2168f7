"""The metadata of an OpenID Connect issuer, which name the URL of its key set.

OpenID Connect Discovery 1.0, sections 4.1 to 4.3; RFC 8414, section 3.3.
"""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from backend.adapters.auth.jose.jws import load_object
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import MalformedTokenError

WELL_KNOWN: Final = "/.well-known/openid-configuration"

_MAX_AGE: Final = 3600.0  # seconds


def metadata_url(issuer: str) -> str:
    """Return the URL of an issuer's metadata."""
    return issuer.removesuffix("/") + WELL_KNOWN


def read_jwks_uri(document: bytes, issuer: str) -> str:
    """Return the URL of the key set that the metadata of an issuer name.

    The URL must be https. An issuer on plain http, for example on this machine, must publish its
    keys at its own origin.

    Args:
        document: The metadata. Untrusted.
        issuer: The issuer that the metadata must be of, character by character.

    Raises:
        FetchError: The document is not the metadata of this issuer, or the URL is not acceptable.
    """
    try:
        metadata = load_object(document)
    except MalformedTokenError:
        raise _not_metadata("not strict JSON") from None
    if metadata.get("issuer") != issuer:
        raise _not_metadata("`issuer` is not OIDC_ISSUER, character by character")
    url: Any = metadata.get("jwks_uri")
    if not isinstance(url, str) or not url.isascii() or not url.isprintable():
        raise _not_metadata("`jwks_uri` is not a URL")
    if not url.startswith("https://") and _origin(url) != _origin(issuer):
        raise _not_metadata("`jwks_uri` is neither https nor at the origin of the issuer")
    return url


class DiscoveredKeySet:
    """Fetches the key set of an issuer from the URL that its metadata name.

    An instance is called to fetch. The URL is remembered for an hour, but not after a failure.

    Args:
        fetch: Returns the body at a URL or raises `FetchError`.
        issuer: The issuer, as the metadata must spell it.
        clock: Monotonic time in seconds.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[bytes]],
        issuer: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._issuer = issuer
        self._clock = clock
        self._jwks_uri = ""
        self._known_until = -math.inf

    async def __call__(self) -> bytes:
        """Return the bytes of the key set.

        Raises:
            FetchError: The metadata or the key set could not be fetched.
        """
        if self._clock() >= self._known_until:
            document = await self._fetch(metadata_url(self._issuer))
            self._jwks_uri = read_jwks_uri(document, self._issuer)
        self._known_until = -math.inf
        key_set = await self._fetch(self._jwks_uri)
        self._known_until = self._clock() + _MAX_AGE
        return key_set


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _not_metadata(problem: str) -> FetchError:
    return FetchError(
        f"not the metadata of the issuer: {problem}", kind=FetchErrorKind.NOT_METADATA
    )
