"""Containers whose key set comes from a fake issuer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from backend.container.inspection import InspectionContainer
from backend.settings import Settings
from tests.adapters.auth.tokens import NOW
from tests.container.key_server import KeyServer

MakeContainer = Callable[..., Awaitable[InspectionContainer]]


@pytest.fixture
def key_server() -> KeyServer:
    return KeyServer()


@pytest.fixture
async def make_container(key_server: KeyServer) -> AsyncIterator[MakeContainer]:
    """Return a function from settings to an opened container whose clock always shows `NOW`."""
    async with AsyncExitStack() as stack:

        async def make(**values: Any) -> InspectionContainer:
            container = InspectionContainer(
                settings=Settings.load(**values),
                http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(key_server)),
                clock=lambda: NOW,
            )
            for resource in container.resources():
                await stack.enter_async_context(resource)
            return container

        yield make
