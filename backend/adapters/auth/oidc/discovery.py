"""The metadata of an OpenID Connect issuer, which name the URL of its key set.

OpenID Connect Discovery 1.0, sections 4.1 to 4.3; RFC 8414, section 3.3.
"""

import codecs
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from backend.adapters.auth.jose.jws import load_object
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.domain.auth import MalformedTokenError

WELL_KNOWN: Final = "/.well-known/openid-configuration"
MAX_AGE: Final = 3600.0  # seconds

_URL_MAX_LENGTH: Final = 2048  # characters; the URL goes into the log

_log = logging.getLogger(__name__)


def metadata_url(issuer: str) -> str:
    """Return the URL of an issuer's metadata."""
    return issuer.removesuffix("/") + WELL_KNOWN


def read_jwks_uri(document: bytes, issuer: str) -> str:
    """Return the URL of the key set that the metadata of an issuer name.

    An https issuer may publish its keys at any https URL: no request is sent before the certificate
    of that host is verified. An issuer on plain http must publish them at its own origin.

    Args:
        document: The metadata. Untrusted.
        issuer: The expected issuer of the metadata, character by character.

    Raises:
        FetchError: The document is not the metadata of this issuer, or the URL is not acceptable.
    """
    try:
        metadata = load_object(document.removeprefix(codecs.BOM_UTF8))
    except MalformedTokenError:
        raise _not_metadata("not strict JSON") from None
    if metadata.get("issuer") != issuer:
        raise _not_metadata("`issuer` is not OIDC_ISSUER, character by character")
    url: Any = metadata.get("jwks_uri")
    if not isinstance(url, str) or len(url) > _URL_MAX_LENGTH or not _is_url(url):
        raise _not_metadata("`jwks_uri` is not a URL")
    origin = _origin(url)
    if origin != _origin(issuer) and not (issuer.startswith("https:") and origin[0] == "https"):
        raise _not_metadata("`jwks_uri` is neither https nor at the origin of the issuer")
    return url


class DiscoveredKeySet:
    """Fetches the key set of an issuer from the URL that its metadata name.

    An instance is called to fetch; calls must not overlap. The URL is remembered for an hour. If
    no key set comes from the URL, the next call fetches the metadata again.

    Args:
        fetch: Returns the body at a URL or raises `FetchError`.
        issuer: The issuer, as the metadata must spell it.
        clock: Monotonic time in seconds.

    Attributes:
        jwks_uri: The URL of the key set; empty before the metadata are fetched.
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
        self._known_until = -math.inf
        self.jwks_uri = ""

    async def __call__(self) -> bytes:
        """Return the bytes of the key set.

        Raises:
            FetchError: The metadata or the key set could not be fetched or read. The message names
                the URL of the key set if the metadata were read.
        """
        if self._clock() >= self._known_until:
            await self._discover()
        known_until, self._known_until = self._known_until, -math.inf
        try:
            document = await self._fetch(self.jwks_uri)
            read_key_set(document)  # a response that is not a key set must not be remembered either
        except FetchError as error:
            raise FetchError(
                f"{error}, from {self.jwks_uri}",
                kind=error.kind,
                status=error.status,
                retry_after=error.retry_after,
            ) from None
        self._known_until = known_until
        return document

    async def _discover(self) -> None:
        fetched_at = self._clock()
        url = read_jwks_uri(await self._fetch(metadata_url(self._issuer)), self._issuer)
        if url != self.jwks_uri:
            _log.info("the keys of %s are at %s", self._issuer, url)
        self.jwks_uri = url
        self._known_until = fetched_at + MAX_AGE


def _is_url(text: str) -> bool:
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises an error if the port is not a number
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _not_metadata(problem: str) -> FetchError:
    return FetchError(
        f"not the metadata of the issuer: {problem}", kind=FetchErrorKind.NOT_METADATA
    )
