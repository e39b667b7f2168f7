"""The parts for developers: tokens, cookies and new migrations. `serve` does not import them."""

from dependency_injector import containers, providers

from backend.adapters.auth.better_auth.development import mint_cookie, mint_token
from backend.adapters.persistence.schema.new_revision import create_revision


class DevelopmentContainer(containers.DeclarativeContainer):
    """The parts that need no settings."""

    create_revision = providers.Callable(create_revision)
    mint_token = providers.Callable(mint_token)
    mint_cookie = providers.Callable(mint_cookie)
