"""An issuer that publishes its keys, fails, hangs and recovers as a test says."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.keys import JwksKeys
from tests.adapters.auth.clock import Clock
from tests.adapters.auth.key_server import KeyServer, http_client
from tests.adapters.auth.tokens import Signer, key_set, signer


class Issuer:
    """What `JwksKeys` fetches from.

    Attributes:
        document: The key set that it publishes.
        takes: Seconds that an answer takes.
        error: What happens instead of an answer, if it is set.
        fetches: When each fetch began.
        most_at_once: The most fetches that were under way at once.
    """

    def __init__(self, clock: Clock, *signers: Signer) -> None:
        self.clock = clock
        self.document = key_set(*(signers or [signer("EdDSA")]))
        self.takes = 0.0
        self.error: BaseException | None = None
        self.fetches: list[float] = []
        self.most_at_once = 0
        self._at_once = 0

    def publish(self, *keys: object) -> None:
        self.document = key_set(*keys)

    async def fetch(self) -> bytes:
        self.fetches.append(self.clock())
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.takes:
                await self.clock.sleep(self.takes)
            if self.error is not None:
                raise self.error
            return self.document
        finally:
            self._at_once -= 1

    def keys(self, *, max_age: float = 300.0, max_stale: float = 3600.0) -> JwksKeys:
        return JwksKeys(
            self.fetch,
            max_age=max_age,
            max_stale=max_stale,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    @asynccontextmanager
    async def fetched(
        self, *, max_age: float = 300.0, max_stale: float = 3600.0
    ) -> AsyncIterator[JwksKeys]:
        """Give keys that were just fetched."""
        async with self.keys(max_age=max_age, max_stale=max_stale) as keys:
            await self.clock.advance(self.takes)
            await keys.check()
            yield keys


@asynccontextmanager
async def keys_of(
    server: KeyServer, *, deadline: float = 5, speed: float = 1
) -> AsyncIterator[JwksKeys]:
    """Give keys whose clock, unlike the network, may run faster than time."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / speed)

    async with (
        http_client() as client,
        JwksKeys(
            functools.partial(fetch, client, server.url, deadline=deadline),
            clock=lambda: time.monotonic() * speed,
            sleep=sleep,
        ) as keys,
    ):
        yield keys
