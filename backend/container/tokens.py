"""Makes the parts that verify tokens: the HTTP client, the keys, the rules and the cache."""

import ssl
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

from backend.adapters.auth.better_auth.bearer_tokens import BearerTokenVerifier
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.claims import ClaimsPolicy, ToPrincipal
from backend.adapters.auth.issuers import IssuerTokenVerifier
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.keys import IssuerKeys, KeySource, SecretKeys
from backend.adapters.auth.revocation import RevocationCheckedTokenVerifier, with_ids
from backend.container.issuer import Issuer
from backend.container.tracing import (
    traced_verifier,
    untraced,
    with_recorded_misses,
)
from backend.domain.auth import TokenVerifier
from backend.domain.diagnosis import KeySetState, TokenCacheState
from backend.domain.revocation import RevocationCheck
from backend.settings.authentication import AuthSettings
from backend.settings.origins import is_loopback
from backend.settings.values import CookieCache, SessionTokens


def http_client(keys_url: str | None) -> Any:
    """Make the HTTP client that fetches the key set, with the proxies of the environment.

    The certificates of `SSL_CERT_FILE` are used for every key set. A key set on this machine is
    fetched without a proxy, because the request to a proxy would cross the network in plain HTTP.

    Args:
        keys_url: The URL of the key set, or of the metadata that name the key set; None without a
            key set.

    Returns:
        An `httpx2.AsyncClient`.
    """
    import httpx2  # noqa: PLC0415 - takes 20 ms, and is not needed to import an app

    # No response may add a cookie to a later request, which may be about another user.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    if keys_url is None:
        return httpx2.AsyncClient(follow_redirects=False, trust_env=False, cookies=no_cookies)
    url = urlsplit(keys_url)
    local = is_loopback(url.hostname or "")
    # Loading the certificates takes 40 ms, which would slow down tests with a local key server.
    needs_tls = url.scheme == "https" or not local
    context = httpx2.create_ssl_context() if needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.AsyncClient(
        follow_redirects=False, verify=context, trust_env=not local, cookies=no_cookies
    )


def jwks_keys(
    settings: AuthSettings, issuer: Issuer, client: Callable[[], Any], tracer: Any = None
) -> IssuerKeys | None:
    """Make the source of the issuer's keys; None if the issuer has no key set.

    Args:
        settings: The lifetime of keys.
        issuer: Where the keys are.
        client: Returns the HTTP client; called only if there is a key set.
        tracer: Makes a span of each fetch; None if nothing is traced.
    """
    if issuer.keys_url is None:
        return None
    from backend.container import key_set  # noqa: PLC0415 - imports httpx2

    return key_set.make_keys(settings, issuer, issuer.keys_url, client(), tracer)


def key_set_state(jwks: IssuerKeys | None) -> Callable[[], KeySetState] | None:
    """Return the function that reports the state of the key set; None without a key set."""
    return jwks.state if jwks is not None else None


def sources(settings: AuthSettings, jwks: IssuerKeys | None) -> Mapping[str, KeySource]:
    """Return the accepted algorithms, each with the source of its keys."""
    available: dict[str, KeySource] = {}
    if settings.secrets and not secret_is_for_sessions(settings, has_key_set=jwks is not None):
        secret_keys = SecretKeys([secret.encode() for secret in settings.secrets])
        available |= dict.fromkeys(HMAC_ALGORITHMS, secret_keys)
    if jwks is not None:
        available |= dict.fromkeys(ASYMMETRIC_ALGORITHMS, jwks)
    return {algorithm: available[algorithm] for algorithm in settings.auth_algorithms or available}


def secret_is_for_sessions(settings: AuthSettings, *, has_key_set: object) -> bool:
    """Return whether the secret verifies session cookies and session tokens only.

    The result is true if there is a key set and cookies or session tokens are accepted, unless
    `AUTH_ALGORITHMS` names HS256.
    """
    accepts_sessions = (
        settings.auth_cookie is not CookieCache.OFF
        or settings.auth_session_tokens is not SessionTokens.OFF
    )
    if not settings.secrets or not has_key_set or not accepts_sessions:
        return False
    return set(HMAC_ALGORITHMS).isdisjoint(settings.auth_algorithms)


def policy(settings: AuthSettings, issuer: Issuer) -> ClaimsPolicy:
    """Return the rules for the claims of a bearer token."""
    return ClaimsPolicy(
        issuers=issuer.issuers,
        audiences=issuer.audiences,
        audience_claim=issuer.audience_claim,
        leeway=settings.auth_leeway,
        max_lifetime=settings.auth_max_lifetime,
    )


def to_principal(
    settings: AuthSettings, issuer: Issuer, revocation: RevocationCheck | None
) -> ToPrincipal:
    """Return the mapping of claims to principals, which keep the ids that `revocation` needs."""
    if revocation is None:
        return issuer.to_principal
    return with_ids(issuer.to_principal, max_lifetime=settings.auth_max_lifetime)


def with_cache(  # noqa: PLR0913, PLR0917 - the parts of the container
    verifier: TokenVerifier,
    settings: AuthSettings,
    jwks: IssuerKeys | None,
    clock: Callable[[], float],
    tracer: Any = None,
    revocation: RevocationCheck | None = None,
    *,
    credential: str = "bearer",
) -> TokenVerifier:
    """Put a cache of verified tokens in front of a verifier, unless the cache size is 0.

    With a check of revocations, every token is checked, cached or not. With a tracer, each
    verification of the credential (`bearer` or `cookie`) becomes a span.
    """
    if tracer is not None:
        return traced_verifier(
            with_cache(
                with_recorded_misses(verifier), settings, jwks, clock, revocation=revocation
            ),
            tracer,
            credential=credential,
            jwks=jwks,
            max_age=settings.auth_jwks_max_age,
        )
    if settings.auth_token_cache_size:
        verifier = CachedTokenVerifier(
            verifier,
            size=settings.auth_token_cache_size,
            epoch=jwks.epoch if jwks is not None else lambda: 0,
            clock=clock,
        )
    return verifier if revocation is None else RevocationCheckedTokenVerifier(verifier, revocation)


def token_cache_state(tracer: Any, *verifiers: TokenVerifier | None) -> TokenCacheState | None:
    """Return the state of the caches of all verifiers together; None without a cache."""
    caches = [unchecked(each, tracer) for verifier in verifiers for each in of_issuers(verifier)]
    states = [cache.state() for cache in caches if isinstance(cache, CachedTokenVerifier)]
    if not states:
        return None
    return TokenCacheState(
        hits=sum(state.hits for state in states),
        misses=sum(state.misses for state in states),
        tokens=sum(state.tokens for state in states),
        maximum=sum(state.maximum for state in states),
    )


def of_issuers(verifier: TokenVerifier | None) -> set[TokenVerifier | None]:
    """Return the verifiers of several issuers; any other verifier alone."""
    if isinstance(verifier, IssuerTokenVerifier):
        return {*verifier.verifiers.values()}  # a verifier may be there for two values of `iss`
    return {verifier}


def unchecked(verifier: TokenVerifier | None, tracer: Any) -> TokenVerifier | None:
    """Return the verifier of JWTs or cookies, without the spans and the check of revocations."""
    verifier = verifier.jwts if isinstance(verifier, BearerTokenVerifier) else verifier
    verifier = untraced(verifier, tracer)
    return verifier.verifier if isinstance(verifier, RevocationCheckedTokenVerifier) else verifier


def has_secret(settings: AuthSettings) -> bool:
    """Return whether a shared secret is set."""
    return bool(settings.secrets)
