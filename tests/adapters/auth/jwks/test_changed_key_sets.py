"""Empty key sets, and the log lines about changes of the key set."""

import logging

import pytest

from backend.domain.auth import UnknownKeyError, VerifierUnavailableError
from backend.testing.encoding import ABSENT
from backend.testing.signers import signer
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.issuer import Issuer, attack, error_of, kids_of, start_find

pytestmark = pytest.mark.anyio

EMPTY = b'{"keys":[]}'


@pytest.fixture(autouse=True)
def log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="backend")


async def test_an_empty_key_set_keeps_the_old_keys_until_they_are_too_old(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched(max_age=300, max_stale=600) as keys:
        epoch = keys.epoch()
        issuer.document = EMPTY
        await clock.advance(890)
        find = start_find(keys)
        await settle()
        assert kids_of(find) == ["key-1"]
        assert keys.epoch() == epoch
        await keys.check()
        await clock.advance(11)
        with pytest.raises(VerifierUnavailableError, match="the key set is empty"):
            await keys.check()
        assert keys.epoch() != epoch
        find = start_find(keys)
        await clock.advance(2.1)
        assert isinstance(error_of(find), VerifierUnavailableError)


async def test_an_empty_key_set_at_the_start_is_an_outage(issuer: Issuer, clock: Clock) -> None:
    issuer.document = EMPTY
    async with issuer.keys() as keys:
        await settle()
        with pytest.raises(VerifierUnavailableError, match="the key set is empty"):
            await keys.check()
        find = start_find(keys)
        await clock.advance(2.1)
        error = error_of(find)
        assert isinstance(error, VerifierUnavailableError)
        assert error.retry_after >= 1
        assert not keys.state().usable
        assert keys.state().error == "the key set is empty"


async def test_the_first_key_of_a_new_issuer_is_found_at_once(issuer: Issuer, clock: Clock) -> None:
    # Better Auth may create its first key when it first signs.
    issuer.document = EMPTY
    async with issuer.keys() as keys:
        await clock.advance(3600)
        issuer.publish(signer("EdDSA"))
        find = start_find(keys)
        await clock.advance(2)
        assert kids_of(find) == ["key-1"]
        await keys.check()


async def test_the_first_key_of_a_new_issuer_is_found_without_callers(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.document = EMPTY
    async with issuer.keys() as keys:
        await clock.advance(3600)
        assert len(issuer.fetches) <= 3600 / 5
        issuer.publish(signer("EdDSA"))
        await clock.advance(10)
        await keys.check()


async def test_an_unknown_id_and_an_empty_key_set_are_an_outage(
    issuer: Issuer, clock: Clock
) -> None:
    async with issuer.fetched() as keys:
        issuer.document = EMPTY
        await clock.advance(10)
        find = start_find(keys, "new")
        await clock.advance(2.1)
        assert isinstance(error_of(find), VerifierUnavailableError)


async def test_a_flood_while_the_key_set_is_empty_slows_down_too(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.document = EMPTY
    async with issuer.keys() as keys:
        for _ in range(600):
            attack(keys, f"random-{clock()}")
            await clock.advance(0.2)
        assert len(issuer.fetches) <= 30


async def test_warns_once_about_an_empty_key_set(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with issuer.fetched():
        caplog.clear()
        issuer.document = EMPTY
        await clock.advance(900)
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage() == (
            "the key set from https://app.example.com/auth/jwks is empty; the old keys stay"
            " usable until they are too old (AUTH_JWKS_MAX_STALE). Run `doctor` for help."
        )
        issuer.publish(signer("EdDSA"))
        await clock.advance(300)
        assert "is not empty any more" in caplog.messages[-1]


async def test_logs_every_change_with_the_key_ids(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.publish(signer("EdDSA", "1"), signer("EdDSA", "2"))
    async with issuer.fetched():
        issuer.publish(signer("EdDSA", "2"), signer("EdDSA", "3"))
        await clock.advance(300)
        issuer.publish(signer("ES256", "2"), signer("EdDSA", "3"))
        await clock.advance(300)
        issuer.publish(signer("EdDSA").jwk(kid=ABSENT))
        await clock.advance(900)
        assert len(issuer.fetches) >= 5
    source = "the key set from https://app.example.com/auth/jwks"
    assert caplog.messages == [
        f"{source} has changed: added '1', '2'",
        f"{source} has changed: added '3'; removed '1'",
        f"{source} has changed: replaced '2'",
        f"{source} has changed: added a key without id; removed '2', '3'",
    ]
    assert {record.levelno for record in caplog.records} == {logging.INFO}


async def test_the_log_line_about_many_keys_is_short(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    jwk = signer("EdDSA").jwk()
    issuer.publish(*({**jwk, "kid": f"{n:036}"} for n in range(1000)))
    async with issuer.fetched():
        [message] = caplog.messages
        assert len(message) < 3000
        assert message.endswith(" and 950 more")


async def test_unknown_ids_do_not_appear_in_the_log(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with issuer.fetched() as keys:
        find = start_find(keys, "of-an-attacker")
        await clock.advance(2)
        assert isinstance(error_of(find), UnknownKeyError)
    assert "of-an-attacker" not in caplog.text
