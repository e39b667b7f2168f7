"""The container of authentication alone: no database, and no settings of the server."""

import subprocess
import sys
from contextlib import AsyncExitStack
from typing import Final

import httpx2
import pytest
from dependency_injector import providers

import backend.container
from backend.adapters.auth.better_auth.tokens import to_principal
from backend.container import Container
from backend.container.authentication import AuthContainer
from backend.container.issuer import Issuer
from backend.settings import AuthSettings, ConfigurationError, Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.adapters.auth.tokens import NOW, SECRET, token
from tests.alone.environments import environment_with
from tests.container.key_server import SIGNERS, URL, KeyServer
from tests.container.outcomes import token_outcome

pytestmark = pytest.mark.anyio

OF_THE_SERVER: Final = (
    *("aiosqlite", "alembic", "asyncpg", "prometheus_client", "sqlalchemy", "sqlite3"),
    *("typer", "uvicorn", "backend.container.application", "backend.adapters.auth.explain"),
)


async def test_tokens_are_verified_with_the_key_set(key_server: KeyServer) -> None:
    container = AuthContainer(
        settings=AuthSettings.load(better_auth_url=URL),
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(key_server)),
        clock=lambda: NOW,
    )
    assert set(container.checks()) == {"keys"}
    async with AsyncExitStack() as stack:
        for resource in container.resources():
            await stack.enter_async_context(resource)
        assert await token_outcome(container, token(SIGNERS["EdDSA"])) == "user-1"
        await container.checks()["keys"]()


def test_nothing_is_opened_or_checked_with_only_a_secret() -> None:
    container = AuthContainer(settings=AuthSettings.load(better_auth_secret=SECRET.decode()))
    assert container.resources() == []
    assert container.checks() == {}
    assert container.key_set_state() is None


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError):
        AuthContainer().settings()
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET.decode())
    monkeypatch.setenv("PORT", "1234")
    assert type(AuthContainer().settings()) is AuthSettings
    assert type(Container().settings()) is Settings


def test_another_provider_is_an_issuer_of_its_own() -> None:
    issuer = Issuer(
        keys_url=None,
        issuers=frozenset({"https://id.example.com"}),
        audiences=frozenset({"api"}),
        origins=frozenset(),
        to_principal=to_principal,
    )
    settings = Settings.load(better_auth_secret=SECRET.decode())
    for container_class in (AuthContainer, Container):
        container = container_class(settings=settings, issuer=providers.Object(issuer))
        assert container.policy().audiences == {"api"}
        assert container.jwt_verifier() is container.jwt_verifier()


@pytest.mark.parametrize("container_class", [AuthContainer, Container])
def test_parts_use_the_settings_of_their_container(container_class: type[AuthContainer]) -> None:
    settings = Settings.load(better_auth_url=URL, auth_token_cache_size=0)
    first = container_class(settings=settings)
    second = container_class()
    second.settings.override(providers.Object(settings))
    for container in (first, second):
        assert container.keys_url() == f"{URL}/api/auth/jwks"
        assert container.token_verifier() is container.jwt_verifier()


@pytest.mark.parametrize("container_class", [AuthContainer, Container])
def test_a_part_can_be_replaced(container_class: type[AuthContainer]) -> None:
    verifier = FakeTokenVerifier()
    assert container_class(token_verifier=verifier).token_verifier() is verifier


def test_importing_the_container_imports_nothing_of_the_server() -> None:
    code = "import sys, backend.container.authentication; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment_with({}),
    )
    assert {"backend.container", "jwt"} <= {*done.stdout.split()}
    assert {*OF_THE_SERVER}.isdisjoint(done.stdout.split())


def test_the_package_has_the_container_of_the_server_and_nothing_else() -> None:
    assert backend.container.Container is Container
    with pytest.raises(AttributeError, match=r"'backend.container' has no attribute 'Containers'"):
        _ = backend.container.__getattr__("Containers")
