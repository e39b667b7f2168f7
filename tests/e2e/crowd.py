"""Many clients who speak to one server at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx2

from tests.e2e.backend import Backend
from tests.e2e.processes import NO_AUTHORITIES, wait_for


@asynccontextmanager
async def crowd(backend: Backend, owner: dict[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client with as many connections as it has requests under way."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=backend.url,
        headers=owner,
        verify=NO_AUTHORITIES,
        timeout=30,
        trust_env=False,
        limits=limits,
    ) as client:
        yield client


class Writes:
    """Todos to be written, each until it is acknowledged: number 7 has that title and that key.

    Args:
        count: How many.

    Attributes:
        acknowledged: The ids of those that a server has acknowledged, by number.
        pending: The numbers of the others.
    """

    def __init__(self, count: int) -> None:
        self.acknowledged: dict[str, UUID] = {}
        self.pending = [str(number) for number in range(count)]

    def finish(self, backend: Backend, owner: dict[str, str]) -> None:
        """Send what is pending until there is nothing left."""

        def finished() -> bool | None:
            self.write(backend, owner)
            return None if self.pending else True

        wait_for(finished, within=60)

    def write(
        self,
        backend: Backend,
        owner: dict[str, str],
        *,
        clients: int = 32,
        until: int | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Send what is pending, until there is nothing left, or the server or its database is gone.

        Args:
            backend: The server.
            owner: The header that names the user.
            clients: How many send at once.
            until: So many more are to be acknowledged before something happens.
            then: What happens, in the midst of it all.
        """
        goal = None if until is None else len(self.acknowledged) + until

        async def send(client: httpx2.AsyncClient) -> None:
            nonlocal goal
            while self.pending:
                number = self.pending.pop()
                try:
                    answer = await client.post(
                        "/api/todos", json={"title": number}, headers={"Idempotency-Key": number}
                    )
                except httpx2.TransportError:
                    self.pending.insert(0, number)
                    return
                if answer.status_code == 503:
                    self.pending.insert(0, number)
                    if goal is None:
                        return
                    await asyncio.sleep(0.1)  # too slow for so many, but not gone
                    continue
                assert answer.status_code == 201, answer.text
                self.acknowledged[number] = UUID(answer.json()["id"])
                if goal is not None and len(self.acknowledged) >= goal:
                    goal = None
                    then()

        async def send_all() -> None:
            async with crowd(backend, owner) as client:
                await asyncio.gather(*(send(client) for _ in range(clients)))

        asyncio.run(send_all())
