"""The keys of a real key server. The last valid keys stay usable, whatever the server answers."""

import asyncio
import logging

import pytest

from backend.domain.auth import VerifierUnavailableError
from backend.testing.signers import key_set, signer
from tests.adapters.auth.issuer import keys_of
from tests.adapters.auth.key_server import (
    Behaviour,
    answer,
    drip,
    endless,
    gzip_bomb,
    hang,
    key_server,
    raw,
)

pytestmark = pytest.mark.anyio

KEYS = key_set(signer("EdDSA"))
OK = b"HTTP/1.1 200 OK\r\n"


async def test_fifty_callers_at_a_cold_start_share_one_slow_fetch() -> None:
    async with key_server(answer(KEYS, after=0.5)) as server, keys_of(server) as keys:
        found = await asyncio.gather(*(keys.find("EdDSA", "key-1") for _ in range(50)))
        assert all(len(keys) == 1 for keys in found)
        assert len(server.requests) == 1


async def test_accepts_a_new_key_within_two_seconds_during_a_flood_of_unknown_ids() -> None:
    async with key_server(answer(KEYS)) as server, keys_of(server) as keys:
        await keys.find("EdDSA", "key-1")
        server.behaviour = answer(key_set(signer("EdDSA"), signer("EdDSA", "new")), after=0.1)
        loop = asyncio.get_running_loop()
        start = loop.time()
        flood = [asyncio.ensure_future(keys.find("EdDSA", f"random-{n}")) for n in range(1000)]
        await asyncio.sleep(0)
        with pytest.raises(VerifierUnavailableError, match="too many callers wait") as caught:
            await keys.find("EdDSA", "new")
        await asyncio.sleep(caught.value.retry_after)
        [key] = await keys.find("EdDSA", "new")
        assert key.kid == "new"
        assert loop.time() - start < 4  # 2 s on an idle machine
        assert len(server.requests) == 2
        for find in flood:
            find.cancel()
        await asyncio.gather(*flood, return_exceptions=True)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (answer(b"{}", status=500), "HTTP 500"),
        (answer(b"slow down", status=429, headers={"X-Retry-After": "9"}), "HTTP 429"),
        (answer(b"", status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
        (answer(b"<!doctype html>"), "not a key set: not strict JSON"),
        (answer(b'{"keys":' + b"[" * 400_000 + b"]" * 400_000 + b"}"), "not a key set"),
        (answer(b'{"keys":[],"keys":[]}'), "not a key set"),
        (answer(key_set(signer("EdDSA").jwk(use="enc"))), "the key set has no usable key"),
        (answer(gzip_bomb(50), headers={"Content-Encoding": "gzip"}), "the response is compressed"),
        (
            endless(OK + b"Content-Length: 20000000\r\n\r\n"),
            "the response has more than 1000000 bytes",
        ),
        (endless(OK + b"\r\n"), "the response has more than 1000000 bytes"),
        (drip(OK + b"\r\n" + KEYS, every=0.01), "no complete response within 0.5 s"),
        (hang(), "no complete response within 0.5 s"),
        (raw(b""), "no complete HTTP response"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_keeps_the_last_valid_keys_and_logs_the_reason(
    behaviour: Behaviour, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    # A caller waits for 2 s of the clock, so a fetch that takes its time needs a slow clock.
    deadline, speed = (0.5, 1) if reason.endswith("0.5 s") else (5, 5)
    async with (
        key_server(answer(KEYS)) as server,
        keys_of(server, deadline=deadline, speed=speed) as keys,
    ):
        await keys.find("EdDSA", "key-1")
        server.behaviour = behaviour
        find = asyncio.ensure_future(keys.find("EdDSA", "unknown"))
        with pytest.raises(VerifierUnavailableError, match=reason) as caught:
            await find
        assert caught.value.retry_after >= 1
        assert [key.kid for key in await keys.find("EdDSA", "key-1")] == ["key-1"]
        assert reason in (keys.state().error or "")
        [record] = [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
        assert reason in record.getMessage()
        assert server.url in record.getMessage()


async def test_waits_as_long_as_retry_after_asks() -> None:
    busy = answer(b"", status=429, headers={"X-Retry-After": "9"})
    async with key_server(busy) as server, keys_of(server) as keys:
        for _ in range(20):
            with pytest.raises(VerifierUnavailableError) as caught:
                await keys.find("EdDSA", "key-1")
            assert caught.value.retry_after == pytest.approx(9, abs=1)
        assert len(server.requests) == 1


async def test_returns_known_keys_at_once_while_the_issuer_hangs() -> None:
    async with key_server(answer(KEYS)) as server, keys_of(server, deadline=3, speed=5) as keys:
        await keys.find("EdDSA", "key-1")
        server.behaviour = hang()
        waiting = [asyncio.ensure_future(keys.find("EdDSA", f"{n}")) for n in range(10)]
        await server.wait_for_requests(2)
        with pytest.raises(StopIteration) as returned:
            keys.find("EdDSA", "key-1").send(None)  # without a switch to another task
        assert len(returned.value.value) == 1
        assert len(server.requests) == 2
        for find in waiting:
            find.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_stopping_cancels_the_fetch_in_progress() -> None:
    async with key_server(hang()) as server:
        async with keys_of(server, deadline=30):
            await server.wait_for_requests(1)
        await server.wait_until_idle()


async def test_recovers_when_a_server_is_back() -> None:
    async with key_server(answer(KEYS)) as server:
        await server.stop()
        async with keys_of(server, speed=5) as keys:
            with pytest.raises(VerifierUnavailableError, match="ConnectError"):
                await keys.find("EdDSA", "key-1")
            await server.start()
            await server.wait_for_requests(1)
            assert len(await keys.find("EdDSA", "key-1")) == 1
