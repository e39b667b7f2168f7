"""Every choice of adapter, on one screen: the settings go in, the domain's ports come out.

To replace a part, name it when you make the container:

    Container(settings=Settings(), token_verifier=FakeTokenVerifier())
"""

from dependency_injector import containers, providers

from backend.adapters.auth.better_auth.development import mint_cookie, mint_token
from backend.adapters.auth.explain.configuration import diagnose_cookies
from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.new_revision import create_revision
from backend.container import database as databases
from backend.container import explanations, lifecycle, migrations, tokens
from backend.container.authentication import AuthContainer as Auth
from backend.container.tracing import tracing_from_environment
from backend.settings import Settings


@containers.copy(Auth)  # so that parts of `AuthContainer` use the settings of this container
class Container(Auth):
    """The parts of the application. Each `Singleton` is made once, when it is first used."""

    settings_class = providers.Object(Settings)
    settings: providers.Singleton[Settings]

    # Spans, if the standard `OTEL_*` variables ask for them.
    make_tracing = providers.Object(tracing_from_environment)

    # Todos, everything of a user, and the key that signs the cursors of lists.
    database = providers.Singleton(databases.choose_database, Auth.settings, Auth.tracer)
    todos = providers.Singleton(
        databases.choose_todos, database, max_per_user=Auth.settings.provided.todos_max_per_user
    )
    user_data = providers.Singleton(databases.choose_user_data, database)
    cursor_key = database.provided.cursor_key
    pools = database.provided.pools.call()

    # Opened at startup, closed at shutdown; checked for readiness.
    resources = providers.Callable(lifecycle.resources, Auth.jwks_keys, database, Auth.tracing)
    checks = providers.Callable(lifecycle.checks, Auth.jwks_keys, database)

    # For the command line.
    upgrade_schema = providers.Callable(migrations.upgrade_schema, database)
    migrate_schema = providers.Callable(migrations.migrate_schema, database)
    check_schema = providers.Callable(databases.check_schema, database)
    diagnose_database = providers.Callable(diagnose_database, database)
    create_revision = providers.Callable(create_revision)
    mint_token = providers.Callable(mint_token)
    mint_cookie = providers.Callable(mint_cookie)
    has_secret = providers.Callable(tokens.has_secret, Auth.settings)
    token_explainer = providers.Singleton(
        TokenExplainer,
        Auth.signed_tokens,
        policy=Auth.policy,
        to_principal=Auth.issuer.provided.to_principal,
        has_secret=has_secret,
        jwks_url=Auth.jwks_url,
        cookies=Auth.settings.provided.auth_cookie,
        secret_is_for_cookies=providers.Callable(
            tokens.secret_is_for_cookies, Auth.settings, has_key_set=Auth.jwks_url
        ),
        key_set_state=Auth.key_set_state,
        claim_names=Auth.settings.provided.auth_claims,
        clock=Auth.clock,
    )
    cookie_explainer = providers.Singleton(
        explanations.cookie_explainer,
        Auth.settings,
        Auth.issuer,
        Auth.jwks_keys,
        Auth.session_verifier,
    )
    diagnose_cookies = providers.Callable(
        diagnose_cookies,
        Auth.settings.provided.auth_cookie,
        name=Auth.settings.provided.auth_cookie_name,
        has_secret=has_secret,
        origins=Auth.web_origins,
    )
    diagnose_issuer = providers.Callable(
        diagnose_issuer,
        Auth.http_client,
        Auth.jwks_url,
        has_secret=has_secret,
        algorithms=Auth.settings.provided.auth_algorithms,
        leeway=Auth.settings.provided.auth_leeway,
        policy=Auth.policy,
        clock=Auth.clock,
    )
