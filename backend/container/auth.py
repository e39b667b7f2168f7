"""Makes the HTTP client, the keys, the verifiers and their explainers from the settings."""

import functools
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import httpx2

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.explain.session import CookieExplainer
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.container.issuer import Issuer
from backend.domain.auth import TokenVerifier
from backend.domain.diagnosis import KeySetState
from backend.settings import Settings
from backend.settings.origins import is_loopback
from backend.settings.values import CookieCache


def http_client(jwks_url: str | None) -> httpx2.AsyncClient:
    """Make the HTTP client that fetches the key set, with the proxies of the environment.

    The certificates of `SSL_CERT_FILE` are used for every key set. A key set on this machine is
    fetched without a proxy, because the request to a proxy would cross the network in plain HTTP.
    """
    if jwks_url is None:
        return httpx2.AsyncClient(follow_redirects=False, trust_env=False)
    local = is_loopback(urlsplit(jwks_url).hostname or "")
    return httpx2.AsyncClient(
        follow_redirects=False, verify=httpx2.create_ssl_context(), trust_env=not local
    )


def jwks_keys(
    settings: Settings, url: str | None, client: Callable[[], httpx2.AsyncClient]
) -> JwksKeys | None:
    """Make the source of the issuer's keys; None if the issuer has no key set.

    Args:
        settings: How long keys are used.
        url: The URL of the key set, if there is a key set.
        client: Returns the HTTP client; called only if there is a key set.
    """
    if url is None:
        return None
    return JwksKeys(
        functools.partial(fetch, client(), url),
        source=url,
        max_age=settings.auth_jwks_max_age,
        max_stale=settings.auth_jwks_max_stale,
        workers=settings.workers,
    )


def key_set_state(jwks: JwksKeys | None) -> Callable[[], KeySetState] | None:
    """Return the function that reports the state of the key set; None without a key set."""
    return jwks.state if jwks is not None else None


def sources(settings: Settings, jwks: JwksKeys | None) -> Mapping[str, KeySource]:
    """Return the accepted algorithms, each with the source of its keys."""
    sources: dict[str, KeySource] = {}
    if settings.secrets and not secret_is_for_cookies(settings, has_key_set=jwks is not None):
        sources |= dict.fromkeys(HMAC_ALGORITHMS, SecretKeys(_bytes(settings.secrets)))
    if jwks is not None:
        sources |= dict.fromkeys(ASYMMETRIC_ALGORITHMS, jwks)
    return {algorithm: sources[algorithm] for algorithm in settings.auth_algorithms or sources}


def secret_is_for_cookies(settings: Settings, *, has_key_set: object) -> bool:
    """Tell whether the secret verifies session cookies only.

    That is so if there is a key set and cookies are accepted, unless `AUTH_ALGORITHMS` names HS256.
    """
    if not settings.secrets or not has_key_set or settings.auth_cookie is CookieCache.OFF:
        return False
    return set(HMAC_ALGORITHMS).isdisjoint(settings.auth_algorithms)


def policy(settings: Settings, issuer: Issuer) -> ClaimsPolicy:
    """Return the rules for the claims of a bearer token."""
    return ClaimsPolicy(
        issuers=issuer.issuers,
        audiences=issuer.audiences,
        leeway=settings.auth_leeway,
        max_lifetime=settings.auth_max_lifetime,
    )


def session_verifier(
    settings: Settings, issuer: Issuer, jwks: JwksKeys | None, clock: Callable[[], float]
) -> TokenVerifier | None:
    """Make the verifier of session cookies; None if cookies are not accepted."""
    if settings.auth_cookie is CookieCache.OFF:
        return None
    verifier = SessionCookieVerifier(
        _cookie_decoder(settings, issuer, jwks),
        version=settings.auth_cookie_version,
        leeway=settings.auth_leeway,
        to_principal=issuer.to_principal,
        clock=clock,
    )
    return with_cache(verifier, settings, jwks, clock)


def cookie_explainer(
    settings: Settings,
    issuer: Issuer,
    jwks: JwksKeys | None,
    verifier: TokenVerifier | None,
) -> CookieExplainer | None:
    """Make the explainer of session cookies; None if cookies are not accepted."""
    if verifier is None:
        return None
    return CookieExplainer(
        verifier.verify,
        _cookie_decoder(settings, issuer, jwks),
        strategy=settings.auth_cookie,
        name=settings.auth_cookie_name,
    )


def _cookie_decoder(settings: Settings, issuer: Issuer, jwks: JwksKeys | None) -> CookieDecoder:
    secrets = _bytes(settings.secrets)
    if settings.auth_cookie is CookieCache.JWE:
        return JweCookieDecoder(secrets)
    if settings.auth_cookie is CookieCache.COMPACT:
        return CompactCookieDecoder(secrets[0])  # Better Auth accepts old secrets for JWE only
    if secrets:
        return JwtCookieDecoder.with_secret(secrets[0])
    return JwtCookieDecoder.with_jwks(sources(settings, jwks), issuers=issuer.issuers)


def with_cache(
    verifier: TokenVerifier,
    settings: Settings,
    jwks: JwksKeys | None,
    clock: Callable[[], float],
) -> TokenVerifier:
    """Put a cache of verified tokens in front of a verifier, unless the cache size is 0."""
    if not settings.auth_token_cache_size:
        return verifier
    return CachedTokenVerifier(
        verifier,
        size=settings.auth_token_cache_size,
        epoch=jwks.epoch if jwks is not None else lambda: 0,
        clock=clock,
    )


def web_origins(settings: Settings, issuer: Issuer) -> frozenset[str]:
    """Return the origins whose pages may send changes with a session cookie."""
    return issuer.origins | {*settings.cors_origins}


def cookie_names(settings: Settings) -> Sequence[str]:
    """Return the accepted names of the session cookie, the preferred name first.

    Better Auth adds `__Secure-` if its base URL is https. Then the plain name is not accepted,
    because any host below the same domain could set a plain cookie, even over http.
    """
    plain, secure = settings.auth_cookie_name, f"__Secure-{settings.auth_cookie_name}"
    if settings.better_auth_url is None:
        return [secure, plain]
    return [secure if settings.better_auth_url.lower().startswith("https:") else plain]


def has_secret(settings: Settings) -> bool:
    """Tell whether a shared secret is set."""
    return bool(settings.secrets)


def _bytes(secrets: Sequence[str]) -> Sequence[bytes]:
    return [secret.encode() for secret in secrets]
