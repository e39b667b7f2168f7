"""An issuer under the control of a test: it publishes keys, fails, hangs and recovers."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from backend.adapters.auth.jose.jwk import VerificationKey
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.testing.signers import Signer, key_set, signer
from tests.adapters.auth.clock import Clock
from tests.adapters.auth.key_server import KeyServer, http_client

JWKS_URL: Final = "https://app.example.com/auth/jwks"

Find = asyncio.Task[Sequence[VerificationKey]]


class Issuer:
    """The server that `JwksKeys` fetches from.

    Attributes:
        document: The key set that is published.
        delay: Seconds that a response takes.
        error: Raised instead of a response, if it is set.
        fetches: When each fetch started.
        max_concurrent: The most fetches that ran at the same time.
    """

    def __init__(self, clock: Clock, *signers: Signer) -> None:
        self.clock = clock
        self.document = key_set(*(signers or [signer("EdDSA")]))
        self.delay = 0.0
        self.error: BaseException | None = None
        self.fetches: list[float] = []
        self.max_concurrent = 0
        self._concurrent = 0

    def publish(self, *keys: object) -> None:
        self.document = key_set(*keys)

    async def fetch(self) -> bytes:
        self.fetches.append(self.clock())
        self._concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self._concurrent)
        try:
            if self.delay:
                await self.clock.sleep(self.delay)
            if self.error is not None:
                raise self.error
            return self.document
        finally:
            self._concurrent -= 1

    def keys(
        self, *, max_age: float = 300.0, max_stale: float = 3600.0, workers: int = 1
    ) -> JwksKeys:
        return JwksKeys(
            self.fetch,
            source=JWKS_URL,
            max_age=max_age,
            max_stale=max_stale,
            workers=workers,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    @asynccontextmanager
    async def fetched(
        self, *, max_age: float = 300.0, max_stale: float = 3600.0, workers: int = 1
    ) -> AsyncIterator[JwksKeys]:
        """Yield a key source whose first fetch has finished."""
        async with self.keys(max_age=max_age, max_stale=max_stale, workers=workers) as keys:
            await self.clock.advance(self.delay)
            await keys.check()
            yield keys


@asynccontextmanager
async def keys_of(
    server: KeyServer, *, deadline: float = 5, speed: float = 1
) -> AsyncIterator[JwksKeys]:
    """Yield a key source over a real server; its clock may run faster than real time."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / speed)

    async with (
        http_client() as client,
        JwksKeys(
            functools.partial(fetch, client, server.url, deadline=deadline),
            source=server.url,
            clock=lambda: time.monotonic() * speed,
            sleep=sleep,
        ) as keys,
    ):
        yield keys


def http_error(status: int, *, retry_after: float | None = None) -> FetchError:
    return FetchError(
        f"HTTP {status}", kind=FetchErrorKind.STATUS, status=status, retry_after=retry_after
    )


def unreachable() -> FetchError:
    return FetchError("ConnectError: connection refused", kind=FetchErrorKind.UNREACHABLE)


def start_find(keys: JwksKeys, kid: str | None = "key-1") -> Find:
    """Start to find a key, as a request does."""
    return asyncio.ensure_future(keys.find("EdDSA", kid))


def attack(keys: JwksKeys, kid: str) -> Find:
    """Start to find a key, and ignore the result."""
    find = start_find(keys, kid)
    find.add_done_callback(lambda find: find.cancelled() or find.exception())
    return find


def kids_of(find: Find) -> list[str | None]:
    assert find.done(), "the caller still waits"
    return [key.kid for key in find.result()]


def error_of(find: Find) -> BaseException | None:
    assert find.done(), "the caller still waits"
    return find.exception()
