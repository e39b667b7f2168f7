"""Every choice of adapter, on one screen: settings in, the ports of the domain out.

A test, or another provider, overrides what it wants to be different:

    container = Container()
    container.token_verifier.override(providers.Object(FakeTokenVerifier()))
"""

import functools
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager

import httpx2
from dependency_injector import containers, providers

from backend.adapters.auth.better_auth import BetterAuthUrls, to_principal
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.development import mint_token
from backend.adapters.auth.fetch import fetch
from backend.adapters.auth.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.keys import JwksKeys, KeySource, SecretKeys
from backend.adapters.auth.pyjwt import ClaimsPolicy, JwtTokenVerifier
from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres import PostgresTodoRepository
from backend.adapters.persistence.sqlite import SqliteTodoRepository
from backend.domain.auth import TokenVerifier
from backend.domain.todo import TodoRepository, TodoRepositoryUnavailableError
from backend.settings import ConfigurationError, Settings

Check = Callable[[], Awaitable[None]]


def _jwks_keys(settings: Settings, client: Callable[[], httpx2.AsyncClient]) -> JwksKeys | None:
    derived = settings.better_auth_url and BetterAuthUrls.of(settings.better_auth_url).jwks
    url = settings.auth_jwks_url or derived
    if not url:
        return None
    return JwksKeys(
        functools.partial(fetch, client(), url),
        max_age=settings.auth_jwks_max_age,
        max_stale=settings.auth_jwks_max_stale,
    )


def _token_verifier(
    settings: Settings, jwks: JwksKeys | None, clock: Callable[[], float]
) -> TokenVerifier:
    sources: dict[str, KeySource] = {}
    if settings.secrets:
        secrets = SecretKeys([secret.encode() for secret in settings.secrets])
        sources |= dict.fromkeys(HMAC_ALGORITHMS, secrets)
    if jwks is not None:
        sources |= dict.fromkeys(ASYMMETRIC_ALGORITHMS, jwks)
    accepted = settings.auth_algorithms or sources
    origin = (
        {BetterAuthUrls.of(settings.better_auth_url).origin} if settings.better_auth_url else ()
    )
    verifier = JwtTokenVerifier(
        {algorithm: sources[algorithm] for algorithm in accepted},
        policy=ClaimsPolicy(
            issuers=frozenset(settings.auth_issuer or origin),
            audiences=frozenset(settings.auth_audience or origin),
            leeway=settings.auth_leeway,
        ),
        to_principal=to_principal,
        clock=clock,
    )
    if not settings.auth_token_cache_size:
        return verifier
    return CachedTokenVerifier(
        verifier,
        size=settings.auth_token_cache_size,
        epoch=jwks.epoch if jwks is not None else lambda: 0,
        clock=clock,
    )


def _todos(settings: Settings) -> TodoRepository:
    url = settings.database_url.get_secret_value()
    return SqliteTodoRepository(url) if url.startswith("sqlite:") else PostgresTodoRepository(url)


def _resources(*candidates: object) -> list[AbstractAsyncContextManager[object]]:
    return [one for one in candidates if isinstance(one, AbstractAsyncContextManager)]


def _checks(**candidates: object) -> Mapping[str, Check]:
    return {name: one.check for name, one in candidates.items() if hasattr(one, "check")}


async def _upgrade_schema(settings: Settings) -> None:
    with _database_complaint():
        await schema.upgrade(settings.database_url.get_secret_value())


async def _check_schema(settings: Settings) -> None:
    with _database_complaint():
        if not await schema.is_current(settings.database_url.get_secret_value()):
            complaint = "the schema is out of date. Run `python -m backend migrate`."
            raise ConfigurationError([f"DATABASE_URL: {complaint}"])


@contextmanager
def _database_complaint() -> Iterator[None]:
    try:
        yield
    except TodoRepositoryUnavailableError as error:
        complaint = f"the database cannot be reached: {error}. Start it, or mend the URL."
        raise ConfigurationError([f"DATABASE_URL: {complaint}"]) from None
    except (OverflowError, ValueError):  # whose message may quote the password
        complaint = "the driver cannot read it. Set it to a URL that names the database."
        raise ConfigurationError([f"DATABASE_URL: {complaint}"]) from None


class Container(containers.DeclarativeContainer):
    """The application's parts; each is made once, when it is first asked for."""

    settings = providers.Singleton(Settings.load)
    clock = providers.Object(time.time)

    http_client = providers.Singleton(httpx2.AsyncClient, follow_redirects=False)
    jwks_keys = providers.Singleton(_jwks_keys, settings, http_client.provider)
    token_verifier = providers.Singleton(_token_verifier, settings, jwks_keys, clock)
    todos = providers.Singleton(_todos, settings)

    resources = providers.Callable(_resources, jwks_keys, todos)
    checks = providers.Callable(_checks, keys=jwks_keys, database=todos)

    upgrade_schema = providers.Callable(_upgrade_schema, settings)
    check_schema = providers.Callable(_check_schema, settings)
    mint_token = providers.Callable(mint_token)
