"""The HTTP client that fetches the key set: its certificates and its proxies."""

import asyncio
from pathlib import Path

import pytest

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.fetch import fetch
from backend.container import Container
from backend.settings import Settings
from tests.certificates import make_certificate
from tests.settings.environment import SECRET

pytestmark = pytest.mark.anyio


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()
    writer.close()


async def test_a_key_set_on_this_machine_may_have_a_certificate_of_an_own_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    context = certificate.server_context()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Container(settings=Settings.load(better_auth_url=url)).http_client() as client:
            with pytest.raises(FetchError) as failure:
                await fetch(client, url)
        assert failure.value.kind is FetchErrorKind.CERTIFICATE
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        async with Container(settings=Settings.load(better_auth_url=url)).http_client() as client:
            assert await fetch(client, url) == b"{}"


async def test_a_client_without_a_key_set_reads_nothing_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    settings = Settings.load(better_auth_secret=SECRET)
    async with Container(settings=settings).http_client() as client:
        assert not client.trust_env
