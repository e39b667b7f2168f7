"""Makes the parts that verify tokens: the keys of each algorithm, the rules and the cache."""

from collections.abc import Callable, Mapping
from typing import Any

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
from backend.domain.diagnosis import TokenCacheState
from backend.domain.revocation import RevocationCheck
from backend.settings.authentication import AuthSettings
from backend.settings.values import CookieCache, SessionTokens


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


def decorated(  # noqa: PLR0913, PLR0917 - the parts of the container
    verifier: TokenVerifier,
    settings: AuthSettings,
    jwks: IssuerKeys | None,
    clock: Callable[[], float],
    tracer: Any = None,
    revocation: RevocationCheck | None = None,
    *,
    credential: str = "bearer",
) -> TokenVerifier:
    """Add a cache, a check of revocations and spans to a verifier.

    Args:
        verifier: Verifies tokens or cookies.
        settings: The size of the cache; without a size, there is no cache.
        jwks: The issuer's keys, if there is a key set. New keys empty the cache.
        clock: Returns the time in seconds since the epoch.
        tracer: Makes a span of each verification; None if nothing is traced.
        revocation: Checks every token, cached or not; None if tokens cannot be revoked.
        credential: The kind of credential in the spans: `bearer` or `cookie`.
    """
    if tracer is not None:
        verifier = with_recorded_misses(verifier)
    if settings.auth_token_cache_size:
        verifier = CachedTokenVerifier(
            verifier,
            size=settings.auth_token_cache_size,
            epoch=jwks.epoch if jwks is not None else lambda: 0,
            clock=clock,
        )
    if revocation is not None:
        verifier = RevocationCheckedTokenVerifier(verifier, revocation)
    if tracer is None:
        return verifier
    return traced_verifier(
        verifier,
        tracer,
        credential=credential,
        jwks=jwks,
        max_age=settings.auth_jwks_max_age,
    )


def token_cache_state(tracer: Any, *verifiers: TokenVerifier | None) -> TokenCacheState | None:
    """Return the state of the caches of all verifiers together; None without a cache."""
    caches = [
        without_revocation_check(each, tracer)
        for verifier in verifiers
        for each in of_issuers(verifier)
    ]
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


def without_revocation_check(verifier: TokenVerifier | None, tracer: Any) -> TokenVerifier | None:
    """Return the verifier of JWTs or cookies, without the spans and the check of revocations."""
    verifier = verifier.jwts if isinstance(verifier, BearerTokenVerifier) else verifier
    verifier = untraced(verifier, tracer)
    return verifier.verifier if isinstance(verifier, RevocationCheckedTokenVerifier) else verifier


def has_secret(settings: AuthSettings) -> bool:
    """Return whether a shared secret is set."""
    return bool(settings.secrets)
