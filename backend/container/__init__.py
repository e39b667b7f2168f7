"""Every choice of adapter, on one screen: settings in, the ports of the domain out.

A test, or another provider, says what is to be different when it makes the container:

    Container(settings=Settings(), token_verifier=FakeTokenVerifier())
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from dependency_injector import containers, providers

from backend.adapters.auth.better_auth.development import mint_token
from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.adapters.persistence.database import Database
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.new_revision import create_revision
from backend.container import auth
from backend.container import database as databases
from backend.settings import Settings

Check = Callable[[], Awaitable[None]]


def _resources(*candidates: object) -> list[AbstractAsyncContextManager[object]]:
    return [one for one in candidates if isinstance(one, AbstractAsyncContextManager)]


def _checks(*, keys: JwksKeys | None, database: Database) -> Mapping[str, Check]:
    checks = {"database": database.check}
    return checks if keys is None else {"keys": keys.check, **checks}


class Container(containers.DeclarativeContainer):
    """The application's parts; each is made once, when it is first asked for."""

    settings = providers.Singleton(Settings.load)
    clock = providers.Object(time.time)

    # Keys: where they are, and who keeps them fresh.
    issuer = providers.Singleton(auth.better_auth, settings)
    jwks_url = issuer.provided.jwks_url
    http_client = providers.Singleton(auth.http_client, jwks_url)
    jwks_client = providers.Callable(auth.jwks_client, jwks_url, http_client.provider)
    jwks_keys = providers.Singleton(auth.jwks_keys, settings, jwks_url, jwks_client)

    # Bearer tokens: signed by an accepted key, claims that hold, Better Auth's dialect, remembered.
    sources = providers.Callable(auth.sources, settings, jwks_keys)
    signed_tokens = providers.Singleton(SignedTokens, sources)
    policy = providers.Singleton(auth.policy, settings, issuer)
    jwt_verifier = providers.Singleton(
        JwtTokenVerifier,
        signed_tokens,
        policy=policy,
        to_principal=issuer.provided.to_principal,
        clock=clock,
    )
    token_verifier = providers.Singleton(auth.remembering, jwt_verifier, settings, jwks_keys, clock)

    # Session cookies, if they are accepted at all.
    session_verifier = providers.Singleton(
        auth.session_verifier, settings, issuer, jwks_keys, clock
    )
    web_origins = providers.Callable(auth.web_origins, settings, issuer)

    # Todos, and the key that seals the cursors of their lists.
    database = providers.Singleton(databases.choose_database, settings)
    todos = providers.Singleton(databases.choose_todos, database)
    cursor_key = database.provided.cursor_key

    resources = providers.Callable(_resources, jwks_client, jwks_keys, database)
    checks = providers.Callable(_checks, keys=jwks_keys, database=database)
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
        clock=clock,
    )
    diagnose_issuer = providers.Callable(
        diagnose_issuer,
        http_client,
        jwks_url,
        has_secret=has_secret,
        algorithms=settings.provided.auth_algorithms,
        leeway=settings.provided.auth_leeway,
        clock=clock,
    )
