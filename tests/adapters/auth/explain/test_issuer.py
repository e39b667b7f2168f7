"""What the doctor says of an issuer: real servers that are wrong in the usual ways."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest

from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.domain.diagnosis import Finding
from tests.adapters.auth.key_server import Behaviour, answer, http_client, raw
from tests.adapters.auth.tokens import NOW, b64, key_set, signer

pytestmark = pytest.mark.anyio

KEYS = answer(key_set(signer("EdDSA"), signer("ES256", "2")))
PAGE = answer(b"<!doctype html><title>App</title>")
OK = answer(b'{"ok":true}')
NOTHING = answer(b"", status=404)
JWKS = "/api/auth/jwks"


@asynccontextmanager
async def site(pages: Mapping[str, Behaviour], *, otherwise: Behaviour) -> AsyncIterator[str]:
    """Serve pages by their paths, and give the origin."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            await pages.get(path, otherwise)(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def diagnosed(
    pages: Mapping[str, Behaviour] | Behaviour,
    *,
    at: str = JWKS,
    otherwise: Behaviour = NOTHING,
    algorithms: Collection[str] = (),
    leeway: float = 10,
) -> tuple[str, dict[str, Finding]]:
    pages = pages if isinstance(pages, Mapping) else {at: pages}
    async with site(pages, otherwise=otherwise) as origin:
        found = await diagnose_issuer(
            http_client(),
            f"{origin}{at}",
            has_secret=False,
            algorithms=algorithms,
            leeway=leeway,
            clock=lambda: NOW,
        )
    return origin, {one.check: one for one in found}


def dated(offset: float, **headers: str) -> Behaviour:
    stated = {"Date": formatdate(NOW + offset, usegmt=True), **headers}
    return answer(key_set(signer("EdDSA")), headers=stated)


async def test_usable_keys_and_a_true_clock_are_well() -> None:
    origin, found = await diagnosed(dated(0))
    assert list(found) == ["keys", "clock"]
    assert all(one.problem is None for one in found.values())
    assert found["keys"].found == f"1 usable at {origin}{JWKS} (EdDSA)"


@pytest.mark.parametrize(
    ("has_secret", "said", "checked"), [(True, "BETTER_AUTH_URL", True), (False, "neither", False)]
)
async def test_without_an_issuer_nobody_is_asked(
    has_secret: bool, said: str, checked: bool
) -> None:
    async with http_client() as client:
        (found,) = await diagnose_issuer(client, None, has_secret=has_secret)
    assert found.problem is None
    assert said in str(found.found)
    assert found.checked is checked


@pytest.mark.parametrize(
    ("behaviour", "problem", "remedy"),
    [
        (NOTHING, "HTTP 404", "base path"),
        (answer(b"", status=301), "HTTP 301", "redirects"),
        (
            answer(b"", status=308, headers={"Location": "https://app.example.com/api/auth/jwks"}),
            "HTTP 308",
            '"https://app.example.com/api/auth/jwks"',
        ),
        (PAGE, "not a key set", "web page"),
        (answer(b"", status=401), "HTTP 401", "login"),
        (answer(b"", status=429), "HTTP 429", "rate limit"),
        (answer(b"", status=502), "HTTP 502", "proxy"),
        (answer(b'{"keys":[]}'), "is empty", "/api/auth/token"),
        (answer(b'{"keys":{}}'), "not a key set", "BETTER_AUTH_URL"),
        (answer(key_set({"kty": "oct", "kid": "1", "k": b64(b"x")})), "no usable key", "EdDSA"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "complete HTTP response", "scheme and the port"),
        (raw(), "complete HTTP response", "scheme and the port"),
    ],
)
async def test_an_issuer_without_keys_is_recognised(
    behaviour: Behaviour, problem: str, remedy: str
) -> None:
    origin, found = await diagnosed(behaviour)
    assert problem in str(found["keys"].problem)
    assert f"{origin}{JWKS}" in str(found["keys"].problem)
    assert remedy in str(found["keys"].remedy)


async def test_an_issuer_that_is_not_there_tells_no_time() -> None:
    async with site({}, otherwise=NOTHING) as origin:
        pass
    keys, clock = await diagnose_issuer(http_client(), f"{origin}{JWKS}", has_secret=True)
    assert "ConnectError" in str(keys.problem)
    assert "Start Better Auth" in str(keys.remedy)
    assert not clock.checked
    assert clock.problem is None


@pytest.mark.parametrize("otherwise", [NOTHING, PAGE])
@pytest.mark.parametrize(
    ("configured", "real", "value"),
    [
        ("/auth/jwks", "/api/auth", ""),
        (JWKS, "/auth", "/auth"),
        ("/app/jwks", "/app/api/auth", "/app"),
        ("/.well-known/jwks.json", "/api/auth", ""),
    ],
)
async def test_the_base_path_that_answers_is_named(
    configured: str, real: str, value: str, otherwise: Behaviour
) -> None:
    origin, found = await diagnosed({f"{real}/jwks": KEYS}, at=configured, otherwise=otherwise)
    assert found["keys"].remedy == (
        f"The key set is at {origin}{real}/jwks: set BETTER_AUTH_URL={origin}{value}."
    )


async def test_a_better_auth_without_its_plugin_is_told_from_a_wrong_path() -> None:
    origin, found = await diagnosed({"/api/auth/ok": OK})
    assert found["keys"].remedy == (
        f"Better Auth is at {origin}/api/auth, but without keys: add its plugin,"
        " `plugins: [jwt()]`."
    )


async def test_where_a_redirect_leads_is_shown_as_ascii() -> None:
    evil = answer(b"", status=302, headers={"Location": "https://x/\x1b[2J\u202e\x9b"})
    _, found = await diagnosed(evil)
    assert str(found["keys"].remedy).isascii()
    assert str(found["keys"].remedy).isprintable()


async def test_unusable_keys_beside_usable_ones_are_told() -> None:
    mixed = key_set(signer("EdDSA"), {"kty": "oct", "kid": "1", "k": b64(b"x")}, "x")
    _, found = await diagnosed(answer(mixed))
    assert found["keys"].problem is None
    assert "key 1: " in str(found["unusable keys"].problem)
    assert "key 2: not an object" in str(found["unusable keys"].problem)


async def test_keys_that_no_accepted_algorithm_can_use_are_told() -> None:
    _, found = await diagnosed(KEYS, algorithms=["RS256"])
    assert "AUTH_ALGORITHMS" in str(found["keys"].remedy)
    assert found["keys"].expected == "RS256"
    _, found = await diagnosed(KEYS, algorithms=["RS256", "ES256"])
    assert found["keys"].problem is None


@pytest.mark.parametrize(
    ("answered", "leeway", "said"),
    [
        (dated(0), 10, None),
        (dated(5), 10, None),
        (dated(-5), 10, None),
        (dated(0), 0, None),
        (dated(3600), 10, "your clock is 3600 s behind the issuer's"),
        (dated(-60), 10, "your clock is 60 s ahead of the issuer's"),
        (dated(4), 2, "your clock is 4 s behind the issuer's"),
        (dated(-600, Age="600"), 10, None),
        (dated(-600, Age="soon"), 10, "your clock is 600 s ahead of the issuer's"),
        (dated(0, Date="Fri, 15 Jan 2027 08:00:00 -0000"), 10, None),
    ],
)
async def test_clocks_are_compared_as_far_as_the_leeway_goes(
    answered: Behaviour, leeway: float, said: str | None
) -> None:
    _, found = await diagnosed(answered, leeway=leeway)
    assert found["clock"].checked
    assert found["clock"].problem == said
    assert said is None or "NTP" in str(found["clock"].remedy)


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": ""}])
async def test_an_issuer_may_tell_no_time(headers: dict[str, str]) -> None:
    _, found = await diagnosed(answer(key_set(signer("EdDSA")), headers=headers))
    assert not found["clock"].checked


async def test_the_clock_is_looked_at_even_if_there_are_no_keys() -> None:
    date = {"Date": formatdate(NOW + 60, usegmt=True)}
    _, found = await diagnosed(answer(b"", status=404, headers=date))
    assert "60 s behind" in str(found["clock"].problem)


async def test_nothing_of_the_keys_is_shown() -> None:
    private: dict[str, Any] = signer("RS256", "9").jwk(d="never-to-be-told")
    _, found = await diagnosed(answer(key_set(signer("EdDSA"), private)))
    shown = json.dumps([str(one) for one in found.values()])
    assert "never-to-be-told" not in shown
    assert private["n"] not in shown
