"""The parts that authenticate requests, without a database and the rest of the server.

To replace a part, name it when you make the container:

    AuthContainer(settings=AuthSettings.load(), token_verifier=FakeTokenVerifier())
"""

import time
from collections.abc import Callable
from typing import Any

from dependency_injector import containers, providers

from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.container import (
    access_tokens,
    key_sets,
    lifecycle,
    session_cookies,
    session_tokens,
    tokens,
    trusted_issuers,
)
from backend.container.http_client import make_http_client
from backend.container.tracing import no_tracing, tracer_of
from backend.settings.authentication import AuthSettings


def _load(settings_class: type[AuthSettings]) -> AuthSettings:
    return settings_class.load()


def _call(make: Callable[[], Any]) -> Any:
    return make()


class AuthContainer(containers.DeclarativeContainer):
    """The parts that authenticate. Each `Singleton` is made once, at its first use."""

    settings_class = providers.Object(AuthSettings)
    # `Any`: in a subclass of this container, the settings have a class of their own.
    settings: providers.Singleton[Any] = providers.Singleton(_load, settings_class)
    clock = providers.Object(time.time)

    # Makes and exports spans; None if nothing is traced. A subclass replaces the function: a
    # `tracing` of the subclass would be a second singleton, which the parts below would not use.
    make_tracing = providers.Object(no_tracing)
    tracing = providers.Singleton(_call, make_tracing)
    tracer = providers.Callable(tracer_of, tracing)

    # Finds out whether a token is revoked; None if tokens cannot be revoked.
    revocation_check: providers.Provider[Any] = providers.Object(None)

    # With several issuers, the container of each, by name. A single issuer uses the parts below.
    issuer_containers = providers.Singleton(
        trusted_issuers.auth_containers, settings, clock, tracer.provider, revocation_check.provider
    )

    # The issuer, and its keys.
    issuer = providers.Singleton(
        trusted_issuers.describe_issuer, settings, clock, issuer_containers
    )
    keys_url = issuer.provided.keys_url
    http_client = providers.Singleton(make_http_client, keys_url)
    jwks_keys = providers.Singleton(
        key_sets.jwks_keys, settings, issuer, http_client.provider, tracer
    )

    to_principal = providers.Callable(tokens.to_principal, settings, issuer, revocation_check)

    # Bearer tokens: signature, claims, principal, cache.
    sources = providers.Callable(tokens.sources, settings, jwks_keys)
    access_token_rules = providers.Singleton(
        access_tokens.access_token_rules, settings, issuer, jwks_keys
    )
    signed_tokens = providers.Singleton(
        SignedTokens,
        sources,
        types=providers.Callable(access_tokens.types_of_other_tokens, access_token_rules),
        max_length=settings.provided.auth_token_max_bytes,
    )
    policy = providers.Singleton(tokens.policy, settings, issuer)
    jwt_verifier = providers.Singleton(
        JwtTokenVerifier,
        signed_tokens,
        policy=policy,
        to_principal=to_principal,
        clock=clock,
    )
    uncached_verifier = providers.Singleton(
        access_tokens.with_access_tokens, jwt_verifier, access_token_rules, to_principal, clock
    )
    cached_verifier = providers.Singleton(
        tokens.decorated, uncached_verifier, settings, jwks_keys, clock, tracer, revocation_check
    )

    # Session tokens of Better Auth's plugin `bearer`; the verifier is None if none are accepted.
    get_session_client = providers.Singleton(make_http_client, issuer.provided.get_session_url)
    session_token_verifier = providers.Singleton(
        session_tokens.make_verifier,
        settings,
        issuer,
        get_session_client.provider,
        clock,
        tracer,
        revocation=revocation_check,
    )
    verifier_of_issuer = providers.Singleton(
        session_tokens.with_session_tokens, cached_verifier, session_token_verifier
    )
    token_verifier = providers.Singleton(
        trusted_issuers.choose_verifier, verifier_of_issuer.provider, settings, issuer_containers
    )

    # Session cookies; the verifier is None if no cookies are accepted.
    session_verifier = providers.Singleton(
        session_cookies.make_verifier,
        settings,
        issuer,
        jwks_keys,
        clock,
        tracer,
        revocation=revocation_check,
    )
    web_origins = providers.Callable(session_cookies.web_origins, settings, issuer)
    cookie_names = providers.Callable(session_cookies.accepted_names, settings)

    # Opened at startup, closed at shutdown; checked for readiness.
    keys = providers.Singleton(key_sets.choose_keys, jwks_keys, issuer_containers)
    resources = providers.Callable(lifecycle.resources, keys)
    checks = providers.Callable(lifecycle.checks, keys)
    key_set_state = providers.Callable(key_sets.key_set_state, jwks_keys)
    key_set_states = providers.Callable(key_sets.key_set_states, issuer_containers)
    token_cache_state = providers.Callable(
        tokens.token_cache_state, tracer, token_verifier, session_verifier
    )
