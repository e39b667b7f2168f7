"""Verifiers, made as the settings say."""

import functools
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import httpx2

from backend.adapters.auth.better_auth import BetterAuthUrls
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.fetch import fetch
from backend.adapters.auth.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.keys import JwksKeys, KeySource, SecretKeys
from backend.adapters.auth.session_cookie import (
    CompactCookie,
    JweCookie,
    JwtCookie,
    OpenCookie,
    SessionCookieVerifier,
)
from backend.domain.auth import TokenVerifier
from backend.domain.diagnosis import KeySetState
from backend.settings import Settings
from backend.settings.consistency import is_loopback
from backend.settings.values import CookieCache


def jwks_url(settings: Settings) -> str | None:
    """Return where the key set is, if there is one."""
    base_url = settings.better_auth_url
    return settings.auth_jwks_url or (BetterAuthUrls.of(base_url).jwks if base_url else None)


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


def policy(settings: Settings) -> ClaimsPolicy:
    """Say what claims must say: Better Auth's issuer and audience are its origin."""
    base_url = settings.better_auth_url
    derived = [BetterAuthUrls.of(base_url).origin] if base_url else []
    return ClaimsPolicy(
        issuers=frozenset(settings.auth_issuer or derived),
        audiences=frozenset(settings.auth_audience or derived),
        leeway=settings.auth_leeway,
        max_lifetime=settings.auth_max_lifetime,
    )


def session_verifier(
    settings: Settings, jwks: JwksKeys | None, clock: Callable[[], float]
) -> TokenVerifier | None:
    """Make the verifier of session cookies, if they are accepted."""
    if settings.auth_cookie is CookieCache.OFF:
        return None
    verifier = SessionCookieVerifier(
        _open_cookie(settings, jwks),
        version=settings.auth_cookie_version,
        leeway=settings.auth_leeway,
        clock=clock,
    )
    return remembering(verifier, settings, jwks, clock)


def _open_cookie(settings: Settings, jwks: JwksKeys | None) -> OpenCookie:
    secrets = _bytes(settings.secrets)
    if settings.auth_cookie is CookieCache.JWE:
        return JweCookie(secrets)
    if settings.auth_cookie is CookieCache.COMPACT:
        return CompactCookie(secrets[0])  # only JWE goes on with the secrets before
    if secrets:
        return JwtCookie.of_secret(secrets[0])
    return JwtCookie.of_jwks(sources(settings, jwks), issuers=policy(settings).issuers)


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


def web_origins(settings: Settings) -> frozenset[str]:
    """Say whose pages may change things by cookie: the allowed ones, and Better Auth's own."""
    base_url = settings.better_auth_url
    own = [BetterAuthUrls.of(base_url).origin] if base_url else []
    return frozenset([*settings.cors_origins, *own])


def has_secret(settings: Settings) -> bool:
    """Tell whether tokens may be signed with a shared secret."""
    return bool(settings.secrets)


def _bytes(secrets: Sequence[str]) -> Sequence[bytes]:
    return [secret.encode() for secret in secrets]
