"""The verifiers of an API that trusts an issuer of the kit."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from backend.container.authentication import AuthContainer
from backend.domain.auth import TokenVerifier
from backend.settings.authentication import AuthSettings
from backend.testing import Issuer


@asynccontextmanager
async def opened(settings: AuthSettings) -> AsyncIterator[AuthContainer]:
    """Yield a container that has fetched the keys, if it could."""
    container = AuthContainer(settings=settings)
    async with AsyncExitStack() as stack:
        for resource in container.resources():
            await stack.enter_async_context(resource)
        yield container


@asynccontextmanager
async def bearer_verifier(issuer: Issuer, **values: Any) -> AsyncIterator[TokenVerifier]:
    async with opened(issuer.settings(**values)) as container:
        yield container.token_verifier()


@asynccontextmanager
async def cookie_verifier(issuer: Issuer, **values: Any) -> AsyncIterator[TokenVerifier]:
    async with opened(issuer.settings(**values)) as container:
        verifier = container.session_verifier()
        assert verifier is not None
        yield verifier
