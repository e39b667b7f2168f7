"""Many concurrent clients of the same server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx2

from tests.e2e.backend import Backend
from tests.e2e.processes import NO_CA_CERTIFICATES, wait_for


@asynccontextmanager
async def concurrent_client(
    backend: Backend, headers: dict[str, str]
) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client without a limit on concurrent connections."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=backend.url,
        headers=headers,
        verify=NO_CA_CERTIFICATES,
        timeout=30,
        trust_env=False,
        limits=limits,
    ) as client:
        yield client


class TodoWriter:
    """Creates todos and repeats each request until a server acknowledges it.

    The number of a todo is its title and its idempotency key.

    Args:
        count: The number of todos.

    Attributes:
        acknowledged: The ids of the acknowledged todos, by number.
        pending: The numbers of the other todos.
        sent: How many requests were sent.
        failed: How many requests got no answer, or 503.
    """

    def __init__(self, count: int) -> None:
        self.acknowledged: dict[str, UUID] = {}
        self.pending = [str(number) for number in range(count)]
        self.sent = self.failed = 0

    def finish(self, backend: Backend, headers: dict[str, str]) -> None:
        """Send the pending todos until all are acknowledged."""

        def finished() -> bool | None:
            self.write(backend, headers)
            return None if self.pending else True

        wait_for(finished, within=60)

    def write(
        self,
        backend: Backend,
        headers: dict[str, str],
        *,
        clients: int = 32,
        until: int | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Send the pending todos until all are acknowledged or the server or database is down.

        Args:
            backend: The server.
            headers: The headers that authenticate the user.
            clients: The number of concurrent requests.
            until: Call `then` once this many more todos are acknowledged.
            then: Called while the other clients are still sending.
        """
        goal = None if until is None else len(self.acknowledged) + until

        async def send(client: httpx2.AsyncClient) -> None:
            nonlocal goal
            while self.pending:
                number = self.pending.pop()
                self.sent += 1
                try:
                    response = await client.post(
                        "/api/todos", json={"title": number}, headers={"Idempotency-Key": number}
                    )
                except httpx2.TransportError:
                    self.failed += 1
                    self.pending.insert(0, number)
                    return
                if response.status_code == 503:
                    self.failed += 1
                    self.pending.insert(0, number)
                    if goal is None:
                        return
                    await asyncio.sleep(0.1)  # overloaded, but not down
                    continue
                assert response.status_code == 201, response.text
                self.acknowledged[number] = UUID(response.json()["id"])
                if goal is not None and len(self.acknowledged) >= goal:
                    goal = None
                    then()

        async def send_all() -> None:
            async with concurrent_client(backend, headers) as client:
                await asyncio.gather(*(send(client) for _ in range(clients)))

        asyncio.run(send_all())
