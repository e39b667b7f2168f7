"""Every choice of adapter, on a single screen: from the settings to the domain's ports.

To replace a part, name it when you make the container:

    Container(settings=Settings(), token_verifier=FakeTokenVerifier())
"""

from dependency_injector import containers, providers

from backend.container import database as databases
from backend.container import lifecycle, revocations
from backend.container.authentication import AuthContainer as Auth
from backend.container.tracing import tracing_from_environment
from backend.settings import Settings


@containers.copy(Auth)  # so that parts of `AuthContainer` use the settings of this container
class Container(Auth):
    """The parts of the application. Each `Singleton` is made once, at its first use."""

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

    revocation_store = providers.Singleton(databases.choose_revocation_store, database)

    # Opened at startup, closed at shutdown; checked for readiness.
    resources = providers.Callable(lifecycle.resources, Auth.keys, database, Auth.tracing)
    checks = providers.Callable(lifecycle.checks, Auth.keys, database)

    # For the command line; see also `InspectionContainer` and `DevelopmentContainer`.
    migrate_schema = providers.Callable(databases.migrate_schema, database)
    check_schema = providers.Callable(databases.check_schema, database)
    check_revocation = providers.Callable(
        revocations.check_readable, database, Auth.revocation_check
    )
    revoke = providers.Callable(
        revocations.revoke, Auth.settings, database, revocation_store, Auth.clock
    )


# Outside of the class: otherwise parts of `AuthContainer` would get a check with other settings.
Container.revocation_check.override(
    providers.Singleton(
        revocations.make_check,
        Container.settings,
        Container.revocation_store.provider,
        Container.clock,
    )
)
