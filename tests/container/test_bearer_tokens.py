"""The bearer tokens that settings accept: algorithms, secrets, clock skew and the cache."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.container import Container
from backend.domain.auth import (
    ImmatureTokenError,
    InactiveTokenError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
    UnknownKeyError,
    VerifierUnavailableError,
)
from backend.settings import Settings
from backend.settings.values import ASYMMETRIC_ALGORITHMS
from backend.testing.encoding import ABSENT
from backend.testing.signers import ed25519_signer, signer
from tests.adapters.auth.cookies import OLD_SECRET
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.container.conftest import MakeContainer
from tests.container.key_server import SIGNERS, URL, KeyServer
from tests.container.outcomes import token_outcome

pytestmark = pytest.mark.anyio

PUBLISHED = set(SIGNERS)
ACCEPTED: list[tuple[dict[str, Any], set[str]]] = [
    ({"better_auth_secret": SECRET.decode()}, {"HS256"}),
    ({"better_auth_secrets": f"1:{SECRET.decode()}"}, {"HS256"}),
    ({"better_auth_url": URL}, PUBLISHED),
    ({"auth_jwks_url": f"{URL}/jwks"}, PUBLISHED),
    ({"better_auth_url": URL, "better_auth_secret": SECRET.decode()}, {"HS256", *PUBLISHED}),
    ({"better_auth_url": URL, "auth_algorithms": "ES256,EdDSA"}, {"ES256", "EdDSA"}),
    (
        {
            "better_auth_url": URL,
            "better_auth_secret": SECRET.decode(),
            "auth_algorithms": "HS256",
        },
        {"HS256"},
    ),
    # With session cookies and a key set, the secret verifies cookies only.
    *(
        ({**keys, "better_auth_secret": SECRET.decode(), "auth_cookie": strategy}, PUBLISHED)
        for keys in (
            {"better_auth_url": URL},
            {"auth_jwks_url": f"{URL}/jwks", "cors_origins": URL},
        )
        for strategy in ("compact", "jwt", "jwe")
    ),
    (
        {
            "better_auth_url": URL,
            "better_auth_secrets": f"1:{SECRET.decode()}",
            "auth_cookie": "jwe",
            "auth_algorithms": "EdDSA,HS256",
        },
        {"EdDSA", "HS256"},
    ),
    (
        {
            "better_auth_secret": SECRET.decode(),
            "auth_cookie": "jwt",
            "cors_origins": URL,
        },
        {"HS256"},
    ),
]


@pytest.mark.parametrize(("values", "accepted"), ACCEPTED)
async def test_only_algorithms_with_keys_are_accepted(
    make_container: MakeContainer, values: dict[str, Any], accepted: set[str]
) -> None:
    container = await make_container(**{"auth_issuer": URL, "auth_audience": URL, **values})
    for algorithm, token_signer in {**SIGNERS, "HS256": secret_signer()}.items():
        expected = "user-1" if algorithm in accepted else InvalidAlgorithmError
        assert await token_outcome(container, token(token_signer)) == expected, algorithm
    for algorithm in ("none", "HS384", "HS512", "hs256", "ES256K"):
        forged = token(secret_signer(), header={"alg": algorithm})
        assert await token_outcome(container, forged) == InvalidAlgorithmError, algorithm


def test_the_settings_know_every_algorithm() -> None:
    assert set(SIGNERS) <= ASYMMETRIC_ALGORITHMS
    container = Container(
        settings=Settings.load(better_auth_url=URL, auth_algorithms="RS512,PS384")
    )
    container.token_verifier()


async def test_every_listed_secret_verifies_tokens(make_container: MakeContainer) -> None:
    both = f"2:{SECRET.decode()},1:{OLD_SECRET.decode()}"
    container = await make_container(better_auth_secrets=both)
    for secret in (SECRET, OLD_SECRET):
        text = token(secret_signer(secret), claims={"aud": ABSENT})
        assert await token_outcome(container, text) == "user-1"
    unknown = secret_signer(b"a secret that the settings do not list")
    assert await token_outcome(container, token(unknown)) == InvalidSignatureError


async def test_clocks_may_differ_by_the_leeway(make_container: MakeContainer) -> None:
    text = token(secret_signer(), claims={"aud": ABSENT, "nbf": NOW + 5})
    tolerant = await make_container(better_auth_secret=SECRET.decode())
    assert await token_outcome(tolerant, text) == "user-1"
    strict = await make_container(better_auth_secret=SECRET.decode(), auth_leeway="1")
    assert await token_outcome(strict, text) == ImmatureTokenError


async def test_the_settings_limit_the_length_of_tokens(make_container: MakeContainer) -> None:
    pictures = {size: {"aud": ABSENT, "image": "A" * size} for size in (5_000, 11_000, 13_000)}
    texts = {size: token(secret_signer(), claims=claims) for size, claims in pictures.items()}
    container = await make_container(better_auth_secret=SECRET.decode())
    assert len(texts[11_000]) < 16_384 < len(texts[13_000])
    assert await token_outcome(container, texts[11_000]) == "user-1"
    assert await token_outcome(container, texts[13_000]) == MalformedTokenError
    for limit, expected in ((0, "user-1"), (-1, MalformedTokenError)):
        container = await make_container(
            better_auth_secret=SECRET.decode(), auth_token_max_bytes=len(texts[5_000]) + limit
        )
        assert await token_outcome(container, texts[5_000]) == expected


async def test_a_ban_ends_by_the_clock_of_the_container(make_container: MakeContainer) -> None:
    container = await make_container(better_auth_secret=SECRET.decode())
    for ends, expected in ((NOW * 1000, "user-1"), (NOW * 1000 + 1, InactiveTokenError)):
        claims = {"aud": ABSENT, "banned": True, "banExpires": ends}
        assert await token_outcome(container, token(secret_signer(), claims=claims)) == expected


@pytest.mark.parametrize(("size", "verified_again"), [(10, False), (0, True)])
async def test_tokens_are_cached_unless_the_cache_size_is_0(
    make_container: MakeContainer, size: int, verified_again: bool
) -> None:
    container = await make_container(better_auth_secret=SECRET.decode(), auth_token_cache_size=size)
    text = token(secret_signer(), claims={"aud": ABSENT, "nbf": NOW})
    first = await container.token_verifier().verify(text)
    again = await container.token_verifier().verify(text)
    assert (again is not first) is verified_again


async def test_a_cached_token_is_verified_again_when_its_key_changes(
    make_container: MakeContainer, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await make_container(better_auth_url=URL)
    cached = token(SIGNERS["EdDSA"])
    assert await token_outcome(container, cached) == "user-1"
    replaced = ed25519_signer(Ed25519PrivateKey.generate(), kid="eddsa")
    monkeypatch.setitem(SIGNERS, "EdDSA", replaced)
    monkeypatch.setitem(SIGNERS, "new", signer("EdDSA", "new"))
    assert await token_outcome(container, cached) == "user-1"
    assert await token_outcome(container, token(SIGNERS["new"])) == "user-1"
    assert len(key_server.requests) == 2
    assert await token_outcome(container, cached) == InvalidSignatureError


async def test_an_outage_of_the_issuer_is_not_an_auth_error(
    make_container: MakeContainer, key_server: KeyServer
) -> None:
    key_server.status = 500
    container = await make_container(better_auth_url=URL)
    with pytest.raises(VerifierUnavailableError):
        await container.token_verifier().verify(token(SIGNERS["EdDSA"]))
    with pytest.raises(VerifierUnavailableError):
        await container.checks()["keys"]()


async def test_a_token_of_a_new_key_under_a_known_id_is_accepted(
    make_container: MakeContainer, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await make_container(better_auth_url=URL)
    old = token(SIGNERS["EdDSA"])
    assert await token_outcome(container, old) == "user-1"
    replaced = ed25519_signer(Ed25519PrivateKey.generate(), kid="eddsa")
    monkeypatch.setitem(SIGNERS, "EdDSA", replaced)
    assert await token_outcome(container, token(replaced)) == "user-1"
    assert await token_outcome(container, old) == InvalidSignatureError
    assert len(key_server.requests) == 2


async def test_the_workers_share_the_budget_of_look_ups(make_container: MakeContainer) -> None:
    container = await make_container(better_auth_url=URL, workers=9)
    unknown = token(signer("EdDSA", "unknown"))
    for _ in ("the first fetch", "a look-up"):
        assert await token_outcome(container, unknown) == UnknownKeyError
    with pytest.raises(VerifierUnavailableError) as caught:
        await container.token_verifier().verify(unknown)
    assert caught.value.retry_after > 5
