"""A response is read up to a size, within a deadline, and without trust in its content."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2
import pytest

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.fetch import MAX_BYTES, MAX_RETRY_AFTER, fetch
from backend.testing.signers import key_set, signer
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
from tests.certificates import make_certificate

pytestmark = pytest.mark.anyio

KEYS = key_set(signer("EdDSA"))
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


async def error_of(
    behaviour: Behaviour, client: httpx2.AsyncClient, *, deadline: float = 2
) -> FetchError:
    async with key_server(behaviour) as server:
        with pytest.raises(FetchError) as caught:
            await fetch(client, server.url, deadline=deadline)
        await server.wait_until_idle()
        assert len(server.requests) <= 1
    return caught.value


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 418, 500, 502, 503])
async def test_accepts_only_status_200(client: httpx2.AsyncClient, status: int) -> None:
    body = b"" if status in (204, 304) else KEYS
    error = await error_of(answer(body, status=status), client)
    assert str(error) == f"HTTP {status}"
    kind = FetchErrorKind.REDIRECT if status == 304 else FetchErrorKind.STATUS
    assert (error.kind, error.status) == (kind, status)
    assert error.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_does_not_follow_redirects_even_if_the_client_would(status: int) -> None:
    async with (
        http_client(follow_redirects=True) as client,
        key_server(answer(KEYS)) as elsewhere,
        key_server(answer(b"", status=status, headers={"Location": elsewhere.url})) as server,
    ):
        with pytest.raises(FetchError, match=f"HTTP {status}") as caught:
            await fetch(client, server.url)
        assert (caught.value.kind, caught.value.status) == (FetchErrorKind.REDIRECT, status)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "deflate", "zstd", "GZIP", "identity, gzip", "x"]
)
async def test_rejects_a_compressed_response(client: httpx2.AsyncClient, encoding: str) -> None:
    body = gzip_bomb(1)
    error = await error_of(answer(body, headers={"Content-Encoding": encoding}), client)
    known = encoding.lower() in {"gzip", "br", "deflate", "zstd"}
    name = encoding.lower() if known else "an unusual encoding"
    assert str(error) == (
        f"the response is compressed ({name}), although the request does not accept that"
    )
    assert error.kind is FetchErrorKind.COMPRESSED


async def test_names_a_compressed_response_without_a_header(client: httpx2.AsyncClient) -> None:
    error = await error_of(answer(gzip.compress(KEYS)), client)
    assert "compressed (gzip)" in str(error)
    assert error.kind is FetchErrorKind.COMPRESSED


@pytest.mark.parametrize("encoding", ["", "identity", "Identity "])
async def test_accepts_a_response_that_is_not_compressed(
    client: httpx2.AsyncClient, encoding: str
) -> None:
    async with key_server(answer(KEYS, headers={"Content-Encoding": encoding})) as server:
        assert await fetch(client, server.url) == KEYS


async def test_a_huge_response_uses_little_more_memory_than_the_limit(
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
        await error_of(behaviour, client)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * MAX_BYTES


async def test_stops_reading_at_the_limit(client: httpx2.AsyncClient) -> None:
    error = await error_of(endless(OK + b"\r\n"), client)
    assert str(error) == f"the response has more than {MAX_BYTES} bytes"
    assert error.kind is FetchErrorKind.TOO_LARGE


async def test_rejects_an_endless_head(client: httpx2.AsyncClient) -> None:
    error = await error_of(endless(OK, b"X-Header: value\r\n" * 1000), client)
    assert str(error) == "no complete HTTP response"
    assert error.kind is FetchErrorKind.NOT_HTTP


async def test_rejects_endless_interim_responses(client: httpx2.AsyncClient) -> None:
    error = await error_of(
        endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"), client, deadline=0.2
    )
    assert str(error) == "no complete response within 0.2 s"


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
    start = asyncio.get_running_loop().time()
    error = await error_of(behaviour, client, deadline=0.25)
    assert str(error) == "no complete response within 0.25 s"
    assert error.kind is FetchErrorKind.TIMEOUT
    assert asyncio.get_running_loop().time() - start < 1


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
async def test_a_response_that_is_not_http_is_an_outage(
    client: httpx2.AsyncClient, text: bytes
) -> None:
    error = await error_of(raw(text), client)
    assert error.kind is FetchErrorKind.NOT_HTTP


async def test_an_issuer_that_is_down_is_an_outage(client: httpx2.AsyncClient) -> None:
    async with key_server(answer(KEYS)) as server:
        url = server.url
    with pytest.raises(FetchError, match="ConnectError") as caught:
        await fetch(client, url)
    assert caught.value.kind is FetchErrorKind.UNREACHABLE


async def test_a_connection_that_breaks_during_the_response_is_an_outage(
    client: httpx2.AsyncClient,
) -> None:
    async def reset(writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 1000\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()

    error = await error_of(reset, client)
    assert error.kind is FetchErrorKind.NOT_HTTP


async def test_an_untrusted_certificate_is_recognized(
    client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    async with await asyncio.start_server(
        lambda *_: None, "127.0.0.1", 0, ssl=make_certificate(tmp_path).server_context()
    ) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchError, match="ConnectError") as caught:
            await fetch(client, f"https://127.0.0.1:{port}/jwks")
    assert caught.value.kind is FetchErrorKind.CERTIFICATE


async def test_https_to_a_server_that_speaks_http_is_a_tls_failure(
    client: httpx2.AsyncClient,
) -> None:
    async def speak_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak_http, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchError, match="ConnectError") as caught:
            await fetch(client, f"https://127.0.0.1:{port}/jwks")
    assert caught.value.kind is FetchErrorKind.TLS


async def test_a_timeout_of_the_client_is_a_timeout() -> None:
    async with httpx2.AsyncClient(timeout=0.05) as impatient, key_server(hang()) as server:
        with pytest.raises(FetchError) as caught:
            await fetch(impatient, server.url)
    assert caught.value.kind is FetchErrorKind.TIMEOUT


async def test_an_invalid_url_is_an_outage(client: httpx2.AsyncClient) -> None:
    for url in ("http://[::1", "gopher://127.0.0.1/", "http://127.0.0.1:0/", "/jwks", ""):
        with pytest.raises(FetchError) as caught:
            await fetch(client, url)
        assert caught.value.kind is FetchErrorKind.UNREACHABLE


async def test_the_error_does_not_quote_the_response(client: httpx2.AsyncClient) -> None:
    error = await error_of(raw(KEYS + b"\r\n\r\n"), client)
    assert str(error) == "no complete HTTP response"


async def test_keeps_no_connection(client: httpx2.AsyncClient) -> None:
    body = b"Content-Length: %d\r\n\r\n%b" % (len(KEYS), KEYS)
    async with key_server(drip(OK + body, every=0)) as server:  # the server keeps the connection
        for _ in range(2):
            await fetch(client, server.url)
            await server.wait_until_idle()


def test_serves_two_consecutive_event_loops() -> None:
    client = http_client()

    async def fetch_once(port: int) -> int:
        body = b"Content-Length: %d\r\n\r\n%b" % (len(KEYS), KEYS)
        async with key_server(drip(OK + body, every=0), port=port) as server:
            assert await fetch(client, server.url) == KEYS
            return server.port

    port = asyncio.run(fetch_once(0))
    asyncio.run(fetch_once(port))


async def test_a_cancelled_fetch_closes_the_connection(client: httpx2.AsyncClient) -> None:
    async with key_server(hang()) as server:
        fetching = asyncio.ensure_future(fetch(client, server.url))
        await server.wait_for_requests(1)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await server.wait_until_idle()


@pytest.mark.parametrize("name", ["Retry-After", "X-Retry-After", "retry-after"])
@pytest.mark.parametrize("status", [429, 503])
async def test_reads_retry_after_in_seconds(
    client: httpx2.AsyncClient, name: str, status: int
) -> None:
    error = await error_of(answer(b"", status=status, headers={name: "7"}), client)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
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
async def test_limits_retry_after_and_ignores_invalid_values(
    client: httpx2.AsyncClient, value: str, seconds: float | None
) -> None:
    error = await error_of(answer(b"", status=429, headers={"Retry-After": value}), client)
    assert error.retry_after == seconds
    assert str(error) == "HTTP 429"


async def test_reads_retry_after_as_a_date(client: httpx2.AsyncClient) -> None:
    # RFC 9110, section 10.2.3.
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error = await error_of(answer(b"", status=429, headers={"Retry-After": date}), client)
    assert error.retry_after == pytest.approx(100, abs=3)
