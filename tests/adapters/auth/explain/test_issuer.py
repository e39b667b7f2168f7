"""The findings about an issuer: real servers with the usual faults."""

import json
from typing import Any

import pytest

from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.testing.encoding import b64
from backend.testing.signers import key_set, signer
from tests.adapters.auth.explain.site import JWKS_PATH, NOT_FOUND, dated, diagnose, site
from tests.adapters.auth.key_server import Behaviour, answer, http_client, raw

pytestmark = pytest.mark.anyio

KEYS = answer(key_set(signer("EdDSA"), signer("ES256", "2")))
WEB_PAGE = answer(b"<!doctype html><title>App</title>")
OK = answer(b'{"ok":true}')


async def test_usable_keys_and_a_correct_clock_have_no_problem() -> None:
    origin, findings = await diagnose(dated(0))
    assert list(findings) == ["keys", "clock"]
    assert all(finding.problem is None for finding in findings.values())
    assert findings["keys"].found == (
        f'1 usable at {origin}{JWKS_PATH} (EdDSA): "key-1", which this command fetched at'
        " 2027-01-15T08:00:00Z; a running server may still use the set of its last fetch: see"
        " /health/ready"
    )


@pytest.mark.parametrize(
    ("has_secret", "words", "checked"), [(True, "BETTER_AUTH_URL", True), (False, "neither", False)]
)
async def test_no_request_is_sent_without_a_key_set(
    has_secret: bool, words: str, checked: bool
) -> None:
    async with http_client() as client:
        (finding,) = await diagnose_issuer(client, None, has_secret=has_secret)
    assert finding.problem is None
    assert words in str(finding.found)
    assert finding.checked is checked


@pytest.mark.parametrize(
    ("page", "problem", "remedy"),
    [
        (NOT_FOUND, "HTTP 404", "base path"),
        (answer(b"", status=301), "HTTP 301", "redirects"),
        (
            answer(b"", status=308, headers={"Location": "https://app.example.com/api/auth/jwks"}),
            "HTTP 308",
            '"https://app.example.com/api/auth/jwks"',
        ),
        (WEB_PAGE, "not a key set", "web page"),
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
async def test_a_response_without_keys_has_a_remedy(
    page: Behaviour, problem: str, remedy: str
) -> None:
    origin, findings = await diagnose(page)
    assert problem in str(findings["keys"].problem)
    assert f"{origin}{JWKS_PATH}" in str(findings["keys"].problem)
    assert remedy in str(findings["keys"].remedy)


async def test_the_clock_is_not_checked_if_the_issuer_is_unreachable() -> None:
    async with site({}, otherwise=NOT_FOUND) as origin:
        pass
    keys, clock = await diagnose_issuer(http_client(), f"{origin}{JWKS_PATH}", has_secret=True)
    assert "ConnectError" in str(keys.problem)
    assert "Start Better Auth" in str(keys.remedy)
    assert not clock.checked
    assert clock.problem is None


@pytest.mark.parametrize("otherwise", [NOT_FOUND, WEB_PAGE])
@pytest.mark.parametrize(
    ("configured", "actual", "value"),
    [
        ("/auth/jwks", "/api/auth", ""),
        (JWKS_PATH, "/auth", "/auth"),
        ("/app/jwks", "/app/api/auth", "/app"),
        ("/.well-known/jwks.json", "/api/auth", ""),
    ],
)
async def test_finds_the_key_set_at_another_base_path(
    configured: str, actual: str, value: str, otherwise: Behaviour
) -> None:
    pages = {f"{actual}/jwks": KEYS}
    origin, findings = await diagnose(pages, path=configured, otherwise=otherwise)
    assert findings["keys"].remedy == (
        f"The key set is at {origin}{actual}/jwks: set BETTER_AUTH_URL={origin}{value}."
    )


async def test_recognizes_better_auth_without_its_jwt_plugin() -> None:
    origin, findings = await diagnose({"/api/auth/ok": OK})
    assert findings["keys"].remedy == (
        f"Better Auth is at {origin}/api/auth, but has no keys. Add its plugin: `plugins: [jwt()]`."
    )


async def test_the_target_of_a_redirect_is_escaped() -> None:
    redirect = answer(b"", status=302, headers={"Location": "https://x/\x1b[2J\u202e\x9b"})
    _, findings = await diagnose(redirect)
    assert str(findings["keys"].remedy).isascii()
    assert str(findings["keys"].remedy).isprintable()


async def test_unusable_keys_next_to_usable_keys_are_reported() -> None:
    mixed = key_set(signer("EdDSA"), {"kty": "oct", "kid": "1", "k": b64(b"x")}, "x")
    _, findings = await diagnose(answer(mixed))
    assert findings["keys"].problem is None
    assert "key 1: " in str(findings["unusable keys"].problem)
    assert "key 2: not an object" in str(findings["unusable keys"].problem)


async def test_keys_without_an_accepted_algorithm_are_a_problem() -> None:
    _, findings = await diagnose(KEYS, algorithms=["RS256"])
    assert "AUTH_ALGORITHMS" in str(findings["keys"].remedy)
    assert findings["keys"].expected == "RS256"
    _, findings = await diagnose(KEYS, algorithms=["RS256", "ES256"])
    assert findings["keys"].problem is None


async def test_findings_contain_no_key_material() -> None:
    private: dict[str, Any] = signer("RS256", "9").jwk(d="never-to-be-shown")
    _, findings = await diagnose(answer(key_set(signer("EdDSA"), private)))
    output = json.dumps([str(finding) for finding in findings.values()])
    assert "never-to-be-shown" not in output
    assert private["n"] not in output
