"""The issuer that settings describe, and the claims that it requires."""

from typing import Any

import pytest

from backend.container import Container
from backend.domain.auth import InvalidAudienceError, InvalidIssuerError, MissingClaimError
from backend.settings import Settings
from backend.testing.encoding import ABSENT
from tests.adapters.auth.tokens import SECRET, secret_signer, token
from tests.container.conftest import MakeContainer
from tests.container.key_server import SIGNERS, URL, KeyServer
from tests.container.outcomes import token_outcome

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "origin", "jwks"),
    [
        (URL, URL, f"{URL}/api/auth/jwks"),
        (f"{URL}/", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}//", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}/api/auth", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}/sign/in/", URL, f"{URL}/sign/in/jwks"),
        ("HTTPS://App.Example.COM/Auth", URL, f"{URL}/Auth/jwks"),
        (f"{URL}:443", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}:8443/", f"{URL}:8443", f"{URL}:8443/api/auth/jwks"),
        ("http://localhost:80", "http://localhost", "http://localhost/api/auth/jwks"),
        ("http://localhost:443", "http://localhost:443", "http://localhost:443/api/auth/jwks"),
        ("http://[::1]:3000", "http://[::1]:3000", "http://[::1]:3000/api/auth/jwks"),
        ("https://[::1]", "https://[::1]", "https://[::1]/api/auth/jwks"),
        (
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example/api/auth/jwks",
        ),
        ("https://faß.de", "https://xn--fa-hia.de", "https://xn--fa-hia.de/api/auth/jwks"),
        ("http://[0:0::1]:80", "http://[::1]", "http://[::1]/api/auth/jwks"),
    ],
)
async def test_origin_and_key_set_follow_from_the_base_url(
    make_container: MakeContainer, key_server: KeyServer, url: str, origin: str, jwks: str
) -> None:
    container = await make_container(better_auth_url=url)
    text = token(SIGNERS["EdDSA"], claims={"iss": origin, "aud": origin})
    assert await token_outcome(container, text) == "user-1"
    assert key_server.requests == [jwks]


@pytest.mark.parametrize("other", ["https://fass.de", "https://faß.de"])
async def test_a_host_with_sharp_s_does_not_trust_the_host_with_double_s(
    make_container: MakeContainer, other: str
) -> None:
    container = await make_container(better_auth_url="https://faß.de")
    text = token(SIGNERS["EdDSA"], claims={"iss": other, "aud": other})
    assert await token_outcome(container, text) == InvalidIssuerError


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, "user-1"),
        ({"iss": "https://evil.example.com"}, InvalidIssuerError),
        ({"iss": f"{URL}/"}, InvalidIssuerError),
        ({"iss": ABSENT}, MissingClaimError),
        ({"aud": "https://evil.example.com"}, InvalidAudienceError),
        ({"aud": ["x", URL]}, "user-1"),
        ({"aud": ABSENT}, MissingClaimError),
    ],
)
async def test_issuer_and_audience_are_required_if_known(
    make_container: MakeContainer, claims: dict[str, Any], expected: object
) -> None:
    container = await make_container(better_auth_url=URL, better_auth_secret=SECRET.decode())
    for token_signer in (SIGNERS["EdDSA"], secret_signer()):
        assert await token_outcome(container, token(token_signer, claims=claims)) == expected


async def test_a_token_must_not_have_an_audience_if_no_audience_is_known(
    make_container: MakeContainer,
) -> None:
    container = await make_container(better_auth_secret=SECRET.decode())
    with_audience = token(secret_signer())
    assert await token_outcome(container, with_audience) == InvalidAudienceError
    without_audience = token(secret_signer(), claims={"aud": ABSENT})
    assert await token_outcome(container, without_audience) == "user-1"


async def test_explicit_settings_override_derived_values(
    make_container: MakeContainer, key_server: KeyServer
) -> None:
    container = await make_container(
        better_auth_url=URL,
        auth_jwks_url="https://keys.example.com/set.json",
        auth_issuer="https://a.example.com,https://b.example.com",
        auth_audience="todos,others",
    )
    valid = {"iss": "https://b.example.com", "aud": "todos"}
    cases: list[tuple[dict[str, str], object]] = [
        (valid, "user-1"),
        ({**valid, "iss": URL}, InvalidIssuerError),
        ({**valid, "aud": URL}, InvalidAudienceError),
    ]
    for claims, expected in cases:
        text = token(SIGNERS["EdDSA"], claims=claims)
        assert await token_outcome(container, text) == expected
    assert key_server.requests == ["https://keys.example.com/set.json"]


async def test_a_key_set_alone_requires_no_issuer(make_container: MakeContainer) -> None:
    container = await make_container(auth_jwks_url="https://keys.example.com/set.json")
    text = token(SIGNERS["ES256"], claims={"iss": "anyone", "aud": ABSENT})
    assert await token_outcome(container, text) == "user-1"


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("http://127.0.0.1:3000", False),
        ("http://localhost:3000", False),
        ("http://[::1]:3000", False),
        ("https://auth.example.com", True),
    ],
)
async def test_the_proxy_is_used_only_for_other_machines(
    url: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with Container(settings=Settings.load(better_auth_url=url)).http_client() as client:
        assert client.trust_env is proxied
