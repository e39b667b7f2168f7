"""The copy of all revocations: its age, and its use while the store is down."""

import asyncio
from collections.abc import Sequence

import pytest

from backend.adapters.persistence.revocations import RETRY_INTERVAL, CachedRevocationCheck
from backend.domain.auth import VerifierUnavailableError
from backend.domain.revocation import Revocation, RevocationKind, TokenIds
from backend.domain.todo_repository import RepositoryUnavailableError

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0
ADA = TokenIds("ada", NOW - 60)


class Store:
    """A store whose answers a test controls.

    Attributes:
        entries: The entries.
        error: The error to raise, if any.
        reads: How often the entries were read.
        gate: Reads wait until it is set.
    """

    def __init__(self) -> None:
        self.entries: list[Revocation] = []
        self.error: Exception | None = None
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def add(self, revocation: Revocation, /, *, now: float) -> None:
        self.entries.append(revocation)

    async def list(self) -> Sequence[Revocation]:
        self.reads += 1
        entries, error = tuple(self.entries), self.error
        await self.gate.wait()
        if error is not None:
            raise error
        return entries


class Monotonic:
    """A clock that stands still until a test advances it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def check(store: Store, monotonic: Monotonic) -> CachedRevocationCheck:
    return CachedRevocationCheck(store, max_age=10, clock=lambda: NOW, monotonic=monotonic)


async def revoke_ada(store: Store) -> None:
    entry = Revocation(
        kind=RevocationKind.USER, value="ada", issued_before=NOW, expires_at=NOW + 900
    )
    await store.add(entry, now=NOW)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_check_reads_the_store(check: CachedRevocationCheck, store: Store) -> None:
    await revoke_ada(store)
    assert await check.is_revoked(ADA)
    assert not await check.is_revoked(TokenIds("bob", NOW - 60))
    assert store.reads == 1


async def test_the_store_is_not_read_before_the_first_check(store: Store) -> None:
    CachedRevocationCheck(store, max_age=10)
    assert store.reads == 0


async def test_a_revocation_counts_at_the_latest_when_the_copy_is_too_old(
    check: CachedRevocationCheck, store: Store, monotonic: Monotonic
) -> None:
    assert not await check.is_revoked(ADA)
    await revoke_ada(store)
    monotonic.now += 10.001
    assert await check.is_revoked(ADA)


async def test_checks_do_not_wait_while_the_copy_is_read_early(
    check: CachedRevocationCheck, store: Store, monotonic: Monotonic
) -> None:
    await check.is_revoked(ADA)
    await revoke_ada(store)
    monotonic.now += 5.001
    store.gate.clear()
    assert not await asyncio.wait_for(check.is_revoked(ADA), 0.1)
    await settle()
    assert store.reads == 2
    store.gate.set()
    await settle()
    assert await check.is_revoked(ADA)
    assert store.reads == 2


async def test_the_age_counts_from_the_start_of_the_read(
    check: CachedRevocationCheck, store: Store, monotonic: Monotonic
) -> None:
    store.gate.clear()
    first = asyncio.create_task(check.is_revoked(ADA))
    await settle()
    await revoke_ada(store)  # after the read has begun
    monotonic.now += 9
    store.gate.set()
    assert not await first
    monotonic.now += 1.001
    assert await check.is_revoked(ADA)


async def test_many_requests_share_a_read(check: CachedRevocationCheck, store: Store) -> None:
    await revoke_ada(store)
    store.gate.clear()
    checks = [asyncio.create_task(check.is_revoked(ADA)) for _ in range(100)]
    await settle()
    checks[0].cancel()  # a client that goes away must not end the read of the others
    await settle()
    store.gate.set()
    assert await asyncio.gather(*checks[1:]) == [True] * 99
    assert store.reads == 1


@pytest.mark.parametrize("error", [RepositoryUnavailableError("down"), TimeoutError()])
async def test_an_outage_is_neither_an_acceptance_nor_a_logout(
    check: CachedRevocationCheck, store: Store, error: Exception
) -> None:
    store.error = error
    with pytest.raises(VerifierUnavailableError, match="revocations") as caught:
        await check.is_revoked(ADA)
    assert caught.value.retry_after == RETRY_INTERVAL


async def test_a_copy_is_used_during_an_outage_until_it_is_too_old(
    check: CachedRevocationCheck, store: Store, monotonic: Monotonic
) -> None:
    await revoke_ada(store)
    await check.is_revoked(ADA)
    store.error = RepositoryUnavailableError("down")
    monotonic.now += 9.9
    assert await check.is_revoked(ADA)
    assert not await check.is_revoked(TokenIds("bob", NOW))
    await settle()
    monotonic.now += 1
    for token in (ADA, TokenIds("bob", NOW)):
        with pytest.raises(VerifierUnavailableError):
            await check.is_revoked(token)


async def test_a_store_that_is_down_is_asked_once_a_second(
    check: CachedRevocationCheck, store: Store, monotonic: Monotonic
) -> None:
    store.error = RepositoryUnavailableError("down")
    for _ in range(5):
        with pytest.raises(VerifierUnavailableError, match="down"):
            await check.is_revoked(ADA)
    assert store.reads == 1
    store.error = None
    monotonic.now += RETRY_INTERVAL
    assert not await check.is_revoked(ADA)
    assert store.reads == 2


async def test_a_store_that_does_not_answer_is_an_outage(store: Store) -> None:
    store.gate.clear()
    check = CachedRevocationCheck(store, max_age=0.05)
    with pytest.raises(VerifierUnavailableError, match="no answer"):
        await check.is_revoked(ADA)


def test_the_copy_works_in_another_event_loop(store: Store) -> None:
    check = CachedRevocationCheck(store, max_age=10, clock=lambda: NOW)

    async def give_up() -> None:
        store.gate.clear()
        asyncio.get_running_loop().call_soon(store.gate.clear)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(check.is_revoked(ADA), 0.01)

    async def ask() -> bool:
        store.gate = asyncio.Event()
        store.gate.set()
        return await check.is_revoked(ADA)

    asyncio.run(give_up())
    assert not asyncio.run(ask())


async def test_expired_entries_revoke_nothing(store: Store) -> None:
    await revoke_ada(store)
    check = CachedRevocationCheck(store, max_age=10, clock=lambda: NOW + 900)
    assert not await check.is_revoked(ADA)
