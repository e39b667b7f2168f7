"""Every choice of adapter, on one screen: the settings go in, the domain's ports come out.

To replace a part, name it when you make the container:

    Container(settings=Settings(), token_verifier=FakeTokenVerifier())
"""

import time

from dependency_injector import containers, providers

from backend.adapters.auth.better_auth.development import mint_token
from backend.adapters.auth.explain.configuration import diagnose_cookies
from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.new_revision import create_revision
from backend.container import auth, lifecycle, session_cookies
from backend.container import database as databases
from backend.container.issuer import better_auth
from backend.settings import Settings


class Container(containers.DeclarativeContainer):
    """The parts of the application. Each `Singleton` is made once, when it is first used."""

    settings = providers.Singleton(Settings.load)
    clock = providers.Object(time.time)

    # The issuer, and its keys.
    issuer = providers.Singleton(better_auth, settings, clock)
    jwks_url = issuer.provided.jwks_url
    http_client = providers.Singleton(auth.http_client, jwks_url)
    jwks_keys = providers.Singleton(auth.jwks_keys, settings, jwks_url, http_client.provider)

    # Bearer tokens: signature, claims, principal, cache.
    sources = providers.Callable(auth.sources, settings, jwks_keys)
    signed_tokens = providers.Singleton(
        SignedTokens, sources, max_length=settings.provided.auth_token_max_bytes
    )
    policy = providers.Singleton(auth.policy, settings, issuer)
    jwt_verifier = providers.Singleton(
        JwtTokenVerifier,
        signed_tokens,
        policy=policy,
        to_principal=issuer.provided.to_principal,
        clock=clock,
    )
    token_verifier = providers.Singleton(auth.with_cache, jwt_verifier, settings, jwks_keys, clock)

    # Session cookies; the verifier is None if no cookies are accepted.
    session_verifier = providers.Singleton(
        session_cookies.make_verifier, settings, issuer, jwks_keys, clock
    )
    web_origins = providers.Callable(session_cookies.web_origins, settings, issuer)
    cookie_names = providers.Callable(session_cookies.accepted_names, settings)

    # Todos, and the key that signs the cursors of their lists.
    database = providers.Singleton(databases.choose_database, settings)
    todos = providers.Singleton(
        databases.choose_todos, database, max_per_user=settings.provided.todos_max_per_user
    )
    cursor_key = database.provided.cursor_key

    # Opened at startup, closed at shutdown; checked for readiness.
    resources = providers.Callable(lifecycle.resources, http_client.provider, jwks_keys, database)
    checks = providers.Callable(lifecycle.checks, jwks_keys, database)
    key_set_state = providers.Callable(auth.key_set_state, jwks_keys)

    # For the command line.
    upgrade_schema = providers.Callable(databases.upgrade_schema, database)
    check_schema = providers.Callable(databases.check_schema, database)
    diagnose_database = providers.Callable(diagnose_database, database)
    create_revision = providers.Callable(create_revision)
    mint_token = providers.Callable(mint_token)
    has_secret = providers.Callable(auth.has_secret, settings)
    token_explainer = providers.Singleton(
        TokenExplainer,
        signed_tokens,
        policy=policy,
        to_principal=issuer.provided.to_principal,
        has_secret=has_secret,
        jwks_url=jwks_url,
        cookies=settings.provided.auth_cookie,
        secret_is_for_cookies=providers.Callable(
            auth.secret_is_for_cookies, settings, has_key_set=jwks_url
        ),
        key_set_state=key_set_state,
        clock=clock,
    )
    cookie_explainer = providers.Singleton(
        session_cookies.make_explainer, settings, issuer, jwks_keys, session_verifier
    )
    diagnose_cookies = providers.Callable(
        diagnose_cookies,
        settings.provided.auth_cookie,
        name=settings.provided.auth_cookie_name,
        has_secret=has_secret,
        origins=web_origins,
    )
    diagnose_issuer = providers.Callable(
        diagnose_issuer,
        http_client,
        jwks_url,
        has_secret=has_secret,
        algorithms=settings.provided.auth_algorithms,
        leeway=settings.provided.auth_leeway,
        policy=policy,
        clock=clock,
    )
