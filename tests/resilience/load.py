"""A steady load of several users, from this process through the proxy."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from types import TracebackType
from typing import Self

import httpx2

from tests.e2e.processes import NO_CA_CERTIFICATES
from tests.resilience.users import Figures, GaveUpError, User

CLIENT_TIMEOUT = 15.0  # seconds; longer than the proxy tries, and than the API waits


class Load:
    """Sends requests of several users at a constant rate. Use it as an async context manager.

    Args:
        url: The URL of the proxy.
        token: Makes a token of a user.
        users: The number of users. Each of them sends one request at a time.
        rate: The requests per second of all users together.

    Attributes:
        figures: The figures of the users since `start`.
    """

    figures: Figures

    def __init__(self, url: str, token: Callable[[str], str], *, users: int, rate: float) -> None:
        self._client = _client(url)
        self._interval = users / rate
        self._sending = False
        self._tasks: list[asyncio.Task[None]] = []
        self.figures = Figures()
        self.users = [
            User(f"user-{number}", self._client, token, self.figures) for number in range(users)
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def start(self) -> Figures:
        """Start sending, with new figures and new tokens."""
        self.figures = Figures()
        for user in self.users:
            user.figures = self.figures
            user.renew_token()
        self._sending = True
        others = cycle(self.users[1:] + self.users[:1])
        self._tasks = [
            asyncio.create_task(self._send(user, next(others), number / len(self.users)))
            for number, user in enumerate(self.users)
        ]
        return self.figures

    async def stop(self) -> None:
        """Stop sending when every user has an answer, then read everything back."""
        self._sending = False
        await asyncio.gather(*self._tasks)
        self._tasks = []
        requests, slowest = self.figures.requests, self.figures.slowest
        await asyncio.gather(*(user.read_back() for user in self.users))
        self.figures.requests, self.figures.slowest = requests, slowest

    async def burst(self, count: int) -> None:
        """Let every user send some requests at once."""
        await asyncio.gather(*(user.list_todos() for user in self.users for _ in range(count)))

    def renew_tokens(self) -> None:
        """Give every user a token that no server has seen yet."""
        for user in self.users:
            user.renew_token()

    async def _send(self, user: User, other: User, phase: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + phase * self._interval
        while self._sending:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + self._interval, loop.time())  # a user who had to wait does not hurry
            with suppress(GaveUpError):
                await user.act(other)


def _client(url: str) -> httpx2.AsyncClient:
    context: ssl.SSLContext = NO_CA_CERTIFICATES
    return httpx2.AsyncClient(
        base_url=url,
        verify=context,
        timeout=CLIENT_TIMEOUT,
        trust_env=False,
        limits=httpx2.Limits(max_connections=None),
    )
