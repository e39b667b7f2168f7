"""What an issuer answers is read to a limit, in a limited time, and never trusted to be sound."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from backend.adapters.auth.jwks.fetch import MAX_BYTES, MAX_RETRY_AFTER, FetchError, fetch
from tests.adapters.auth.key_server import (
    Behaviour,
    answer,
    drip,
    endless,
    gzip_bomb,
    hang,
    http_client,
    key_server,
    raw,
)
from tests.adapters.auth.tokens import key_set, signer

pytestmark = pytest.mark.anyio

KEYS = key_set(signer("EdDSA"))
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


async def failure_of(
    behaviour: Behaviour, client: httpx2.AsyncClient, *, deadline: float = 2
) -> FetchError:
    async with key_server(behaviour) as server:
        with pytest.raises(FetchError) as caught:
            await fetch(client, server.url, deadline=deadline)
        await server.quiet()
        assert len(server.requests) <= 1
    return caught.value


async def test_returns_the_document(client: httpx2.AsyncClient) -> None:
    async with key_server(answer(KEYS)) as server:
        assert await fetch(client, server.url) == KEYS
        [request] = server.requests
        assert request.startswith(b"GET /api/auth/jwks HTTP/1.1\r\n")
        assert b"accept: application/json\r\n" in request.lower()
        assert b"accept-encoding: identity\r\n" in request.lower()


async def test_returns_a_document_of_the_greatest_size_however_it_arrives(
    client: httpx2.AsyncClient,
) -> None:
    size = f"{MAX_BYTES:x}".encode()
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%s\r\n%s\r\n0\r\n\r\n" % (size, b" " * MAX_BYTES)
    for behaviour in (
        answer(b" " * MAX_BYTES),
        raw(OK + chunked),
        raw(OK + b"\r\n" + b" " * MAX_BYTES),
    ):
        async with key_server(behaviour) as server:
            assert await fetch(client, server.url) == b" " * MAX_BYTES


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 418, 500, 502, 503])
async def test_takes_only_200_for_an_answer(client: httpx2.AsyncClient, status: int) -> None:
    body = b"" if status in (204, 304) else KEYS
    error = await failure_of(answer(body, status=status), client)
    assert str(error) == f"status {status}"
    assert error.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_follows_no_redirect_even_if_the_client_would(status: int) -> None:
    async with (
        http_client(follow_redirects=True) as client,
        key_server(answer(KEYS)) as elsewhere,
        key_server(answer(b"", status=status, headers={"Location": elsewhere.url})) as server,
    ):
        with pytest.raises(FetchError, match=f"status {status}"):
            await fetch(client, server.url)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip", "x"]
)
async def test_refuses_a_compressed_answer(client: httpx2.AsyncClient, encoding: str) -> None:
    body = gzip_bomb(1)
    error = await failure_of(answer(body, headers={"Content-Encoding": encoding}), client)
    assert str(error) == "a compressed answer"


async def test_a_huge_answer_costs_no_more_memory_than_the_limit(
    client: httpx2.AsyncClient,
) -> None:
    chunk = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    for behaviour in (
        endless(OK + b"Content-Length: 20000000\r\n\r\n"),
        endless(OK + b"\r\n"),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk),
        answer(gzip_bomb(50), headers={"Content-Encoding": "gzip"}),
    ):
        tracemalloc.start()
        await failure_of(behaviour, client)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * MAX_BYTES


async def test_reads_no_further_than_the_limit(client: httpx2.AsyncClient) -> None:
    error = await failure_of(endless(OK + b"\r\n"), client)
    assert str(error) == f"more than {MAX_BYTES} bytes"


async def test_reads_no_endless_head(client: httpx2.AsyncClient) -> None:
    error = await failure_of(endless(OK, b"X-Header: value\r\n" * 1000), client)
    assert str(error) == "no whole answer in HTTP"


async def test_reads_no_endless_interim_answers(client: httpx2.AsyncClient) -> None:
    error = await failure_of(
        endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"), client, deadline=0.2
    )
    assert str(error) == "no whole answer within 0.2 s"


@pytest.mark.parametrize(
    "behaviour",
    [
        hang(),
        answer(KEYS, after=3),
        drip(OK + b"X: " + b"x" * 1000, every=0.02),
        drip(OK + b"Content-Length: 1000\r\n\r\n" + b" " * 1000, every=0.01),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 1000, every=0.01),
    ],
    ids=["hangs", "is late", "drips its head", "drips its body", "drips its chunks"],
)
async def test_one_deadline_covers_everything(
    client: httpx2.AsyncClient, behaviour: Behaviour
) -> None:
    began = asyncio.get_running_loop().time()
    error = await failure_of(behaviour, client, deadline=0.25)
    assert str(error) == "no whole answer within 0.25 s"
    assert asyncio.get_running_loop().time() - began < 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x00" * 100,
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_an_answer_that_is_no_http_is_an_outage(
    client: httpx2.AsyncClient, text: bytes
) -> None:
    await failure_of(raw(text), client)


async def test_an_issuer_that_is_gone_is_an_outage(client: httpx2.AsyncClient) -> None:
    async with key_server(answer(KEYS)) as server:
        url = server.url
    with pytest.raises(FetchError, match="ConnectError"):
        await fetch(client, url)


async def test_an_address_that_is_none_is_an_outage(client: httpx2.AsyncClient) -> None:
    for url in ("http://[::1", "gopher://127.0.0.1/", "http://127.0.0.1:0/", "/jwks", ""):
        with pytest.raises(FetchError):
            await fetch(client, url)


async def test_an_outage_quotes_nothing_of_the_answer(client: httpx2.AsyncClient) -> None:
    error = await failure_of(raw(KEYS + b"\r\n\r\n"), client)
    assert str(error) == "no whole answer in HTTP"


async def test_keeps_no_connection(client: httpx2.AsyncClient) -> None:
    body = b"Content-Length: %d\r\n\r\n%b" % (len(KEYS), KEYS)
    async with key_server(drip(OK + body, every=0)) as server:  # which does not hang up by itself
        for _ in range(2):
            await fetch(client, server.url)
            await server.quiet()


def test_serves_two_event_loops_one_after_the_other() -> None:
    client = http_client()

    async def fetch_once(port: int) -> int:
        body = b"Content-Length: %d\r\n\r\n%b" % (len(KEYS), KEYS)
        async with key_server(drip(OK + body, every=0), port=port) as server:
            assert await fetch(client, server.url) == KEYS
            return server.port

    port = asyncio.run(fetch_once(0))
    asyncio.run(fetch_once(port))


async def test_a_caller_that_goes_away_closes_the_connection(client: httpx2.AsyncClient) -> None:
    async with key_server(hang()) as server:
        fetching = asyncio.ensure_future(fetch(client, server.url))
        await server.asked(1)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await server.quiet()


@pytest.mark.parametrize("name", ["Retry-After", "X-Retry-After", "retry-after"])
@pytest.mark.parametrize("status", [429, 503])
async def test_hears_for_how_long_to_leave_the_issuer_alone(
    client: httpx2.AsyncClient, name: str, status: int
) -> None:
    error = await failure_of(answer(b"", status=status, headers={name: "7"}), client)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("0", 0),
        ("300", 300),
        ("301", MAX_RETRY_AFTER),
        ("9" * 400, MAX_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37 -0000", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("nan", None),
        ("soon", None),
        ("7 s", None),
        ("", None),
    ],
)
async def test_takes_what_it_hears_with_a_grain_of_salt(
    client: httpx2.AsyncClient, stated: str, seconds: float | None
) -> None:
    error = await failure_of(answer(b"", status=429, headers={"Retry-After": stated}), client)
    assert error.retry_after == seconds
    assert str(error) == "status 429"


async def test_hears_a_date_as_well(client: httpx2.AsyncClient) -> None:
    # RFC 9110, section 10.2.3.
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error = await failure_of(answer(b"", status=429, headers={"Retry-After": date}), client)
    assert error.retry_after == pytest.approx(100, abs=3)
