"""Key ids that are not in the cached key set: new keys, attacks, and their costs."""

import asyncio
from itertools import pairwise

import pytest

from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    UnknownKeyError,
    VerifierUnavailableError,
)
from backend.testing.signers import key_set, signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import (
    Find,
    Issuer,
    error_of,
    http_error,
    kids_of,
    start_find,
)
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.tokens import token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio


async def test_accepts_a_new_key_within_two_seconds_of_any_fetch(
    issuer: Issuer, clock: Clock
) -> None:
    # Better Auth creates a key when it first signs, so a token may be newer than the key set.
    async with issuer.fetched() as keys:
        issuer.delay = 0.2
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        find = start_find(keys, "new")
        await clock.advance(2)
        assert kids_of(find) == ["new"]
        assert len(issuer.fetches) == 2


async def test_accepts_a_new_key_that_appears_during_a_fetch(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        issuer.delay = 0.5
        first = start_find(keys, "unknown")
        await clock.advance(0.1)
        before, issuer.document = issuer.document, key_set(signer("EdDSA", "new"))
        second = start_find(keys, "new")
        issuer.document = before
        await clock.advance(0.4)  # the fetch in progress returns the old keys
        assert isinstance(error_of(first), UnknownKeyError)
        assert not second.done()
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        await clock.advance(1.1)
        assert kids_of(second) == ["new"]


async def test_accepts_a_new_key_while_an_attacker_sends_unknown_ids(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.delay = 0.2
        flood: list[Find] = []

        async def attack(seconds: int) -> None:
            for _ in range(seconds * 10):
                flood.extend(start_find(keys, f"random-{len(flood)}") for _ in range(20))
                await clock.advance(0.1)

        await attack(seconds=5)
        issuer.publish(signer("EdDSA"), signer("EdDSA", "new"))
        find = start_find(keys, "new")
        await attack(seconds=2)
        assert isinstance(error_of(find), VerifierUnavailableError)  # "I cannot tell yet"
        await attack(seconds=8)
        find = start_find(keys, "new")
        await settle()
        assert kids_of(find) == ["new"]
        await clock.advance(2)
        undecided = UnknownKeyError, VerifierUnavailableError
        assert all(isinstance(error_of(find), undecided) for find in flood)
        pauses = [later - at for at, later in pairwise(issuer.fetches)]
        assert all(pause >= 0.999 for pause in pauses)
        assert len(pauses) <= 10  # 5 before the rotation, and 5 after it


@pytest.mark.parametrize("name", ["unknown", "unknown-{}", "../../keys/{}", "{}' OR '1'='1"])
async def test_a_thousand_unknown_ids_of_any_form_cost_few_fetches(
    issuer: Issuer, clock: Clock, name: str
) -> None:
    async with issuer.fetched() as keys:
        start = clock()
        finds = []
        for batch in range(10):
            finds += [start_find(keys, name.format(batch * 100 + n)) for n in range(100)]
            await clock.advance(0.5)
        await clock.advance(2)
        refused = UnknownKeyError, VerifierUnavailableError
        assert all(isinstance(error_of(find), refused) for find in finds)
        assert len(issuer.fetches) - 1 <= min(clock() - start, 4)
        assert issuer.max_concurrent == 1


async def test_unknown_ids_are_not_kept_in_memory(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        for batch in range(2):
            finds = [start_find(keys, f"remember-me-{batch}-{n}") for n in range(1000)]
            await clock.advance(2)
            await asyncio.wait(finds)
            refused = UnknownKeyError, VerifierUnavailableError
            assert all(isinstance(error_of(find), refused) for find in finds)
            finds.clear()
        kept = list(texts_kept_by(keys))
        assert "key-1" in kept
        assert not any("remember-me" in text for text in kept)


async def test_a_thousand_bad_signatures_cost_one_fetch(issuer: Issuer, clock: Clock) -> None:
    forged = token(signer("EdDSA", "mallory"), header={"kid": "key-1"})
    async with issuer.fetched() as keys:
        verify = verifier(source=keys).verify
        await clock.advance(10)
        for _ in range(1000):
            with pytest.raises(InvalidSignatureError):
                await verify(forged)
        await settle()
        assert len(issuer.fetches) == 2


async def test_an_unknown_key_during_an_outage_is_not_an_invalid_token(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.error = http_error(500)
        find = start_find(keys, "new")
        await clock.advance(1)
        assert isinstance(error_of(find), VerifierUnavailableError)


async def test_a_known_key_with_another_algorithm_costs_no_fetch(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        await clock.advance(10)
        with pytest.raises(InvalidAlgorithmError):
            await keys.find("ES256", "key-1")
        assert len(issuer.fetches) == 1


async def test_a_token_without_kid_finds_the_only_key(issuer: Issuer, clock: Clock) -> None:
    async with issuer.fetched() as keys:
        assert [key.kid for key in await keys.find("EdDSA", None)] == ["key-1"]
