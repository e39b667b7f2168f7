"""Verifiers, made as the settings say."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.better_auth.tokens import BetterAuthUrls, to_principal
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.claims import Claims, ClaimsPolicy
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.domain.auth import Principal, TokenVerifier
from backend.domain.diagnosis import KeySetState
from backend.settings import Settings
from backend.settings.consistency import is_loopback
from backend.settings.values import CookieCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Whose tokens are trusted; another provider is another function that returns one.

    Attributes:
        jwks_url: Where its key set is, if it publishes one.
        issuers: The accepted values of `iss`.
        audiences: The accepted values of `aud`.
        origins: The web origins of its own pages.
        to_principal: Reads its dialect.
    """

    jwks_url: str | None
    issuers: frozenset[str]
    audiences: frozenset[str]
    origins: frozenset[str]
    to_principal: Callable[[Claims, float], Principal]


def better_auth(settings: Settings) -> Issuer:
    """Describe Better Auth: its issuer and audience are its origin, unless the settings differ."""
    urls = (
        BetterAuthUrls.from_base_url(settings.better_auth_url) if settings.better_auth_url else None
    )
    origin = frozenset([urls.origin] if urls else [])
    return Issuer(
        jwks_url=settings.auth_jwks_url or (urls.jwks if urls else None),
        issuers=frozenset(settings.auth_issuer) or origin,
        audiences=frozenset(settings.auth_audience) or origin,
        origins=origin,
        to_principal=to_principal,
    )


def http_client(jwks_url: str | None) -> httpx2.AsyncClient:
    """Make the client that speaks to the issuer: through a proxy of the environment's, if any.

    What is on this machine is asked directly: plain HTTP is fine as long as it does not leave it.
    """
    local = jwks_url is not None and is_loopback(urlsplit(jwks_url).hostname or "")
    return httpx2.AsyncClient(follow_redirects=False, trust_env=not local)


def jwks_client(
    url: str | None, client: Callable[[], httpx2.AsyncClient]
) -> httpx2.AsyncClient | None:
    """Return what fetches the key set, if there is one."""
    return client() if url is not None else None


def jwks_keys(
    settings: Settings, url: str | None, client: httpx2.AsyncClient | None
) -> JwksKeys | None:
    """Make the keeper of the key set, if there is one."""
    if url is None or client is None:
        return None
    return JwksKeys(
        functools.partial(fetch, client, url),
        source=url,
        max_age=settings.auth_jwks_max_age,
        max_stale=settings.auth_jwks_max_stale,
    )


def key_set_state(jwks: JwksKeys | None) -> Callable[[], KeySetState] | None:
    """Return what tells the state of the key set, if there is one."""
    return jwks.state if jwks is not None else None


def sources(settings: Settings, jwks: JwksKeys | None) -> Mapping[str, KeySource]:
    """Say which algorithms are accepted, and where the keys of each come from."""
    sources: dict[str, KeySource] = {}
    if settings.secrets:
        sources |= dict.fromkeys(HMAC_ALGORITHMS, SecretKeys(_bytes(settings.secrets)))
    if jwks is not None:
        sources |= dict.fromkeys(ASYMMETRIC_ALGORITHMS, jwks)
    return {algorithm: sources[algorithm] for algorithm in settings.auth_algorithms or sources}


def policy(settings: Settings, issuer: Issuer) -> ClaimsPolicy:
    """Return what the claims of a token must say."""
    return ClaimsPolicy(
        issuers=issuer.issuers,
        audiences=issuer.audiences,
        leeway=settings.auth_leeway,
        max_lifetime=settings.auth_max_lifetime,
    )


def session_verifier(
    settings: Settings, issuer: Issuer, jwks: JwksKeys | None, clock: Callable[[], float]
) -> TokenVerifier | None:
    """Make the verifier of session cookies, if they are accepted."""
    if settings.auth_cookie is CookieCache.OFF:
        return None
    verifier = SessionCookieVerifier(
        _cookie_decoder(settings, issuer, jwks),
        version=settings.auth_cookie_version,
        leeway=settings.auth_leeway,
        clock=clock,
    )
    return remembering(verifier, settings, jwks, clock)


def _cookie_decoder(settings: Settings, issuer: Issuer, jwks: JwksKeys | None) -> CookieDecoder:
    secrets = _bytes(settings.secrets)
    if settings.auth_cookie is CookieCache.JWE:
        return JweCookieDecoder(secrets)
    if settings.auth_cookie is CookieCache.COMPACT:
        return CompactCookieDecoder(secrets[0])  # only JWE goes on with the secrets before
    if secrets:
        return JwtCookieDecoder.with_secret(secrets[0])
    return JwtCookieDecoder.with_jwks(sources(settings, jwks), issuers=issuer.issuers)


def remembering(
    verifier: TokenVerifier,
    settings: Settings,
    jwks: JwksKeys | None,
    clock: Callable[[], float],
) -> TokenVerifier:
    """Put a memory in front of a verifier, unless it is to have none."""
    if not settings.auth_token_cache_size:
        return verifier
    return CachedTokenVerifier(
        verifier,
        size=settings.auth_token_cache_size,
        epoch=jwks.epoch if jwks is not None else lambda: 0,
        clock=clock,
    )


def web_origins(settings: Settings, issuer: Issuer) -> frozenset[str]:
    """Return whose pages may change things by cookie: the allowed ones, and the issuer's own."""
    return issuer.origins | {*settings.cors_origins}


def has_secret(settings: Settings) -> bool:
    """Tell whether tokens may be signed with a shared secret."""
    return bool(settings.secrets)


def _bytes(secrets: Sequence[str]) -> Sequence[bytes]:
    return [secret.encode() for secret in secrets]
