"""The session cookies that settings accept, and the origins that may use them."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.domain.auth import (
    ExpiredTokenError,
    InactiveTokenError,
    InvalidAlgorithmError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingClaimError,
    UnsupportedTokenError,
    VerifierUnavailableError,
)
from backend.domain.read_only import plain
from backend.testing.encoding import ABSENT
from backend.testing.signers import ed25519_signer, signer
from tests.adapters.auth.cookies import (
    OLD_SECRET,
    compact_cookie,
    jwe_cookie,
    jwks_cookie,
    jwt_cookie,
    session_data,
)
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.container.conftest import MakeContainer
from tests.container.key_server import SIGNERS, URL, KeyServer
from tests.container.outcomes import cookie_outcome, session_verifier, token_outcome

pytestmark = pytest.mark.anyio

SECRETS = {
    "better_auth_secrets": f"2:{SECRET.decode()},1:{OLD_SECRET.decode()}",
    "cors_origins": "https://app.example.com",
}
KEYS_ONLY = {"better_auth_url": URL, "auth_cookie": "jwt"}


@pytest.mark.parametrize(
    ("strategy", "make", "old"),
    [
        ("compact", compact_cookie, InvalidSignatureError),
        ("jwt", jwt_cookie, InvalidSignatureError),
        ("jwe", jwe_cookie, "user-1"),
    ],
)
async def test_only_jwe_cookies_are_accepted_with_an_old_secret(
    make_container: MakeContainer, strategy: str, make: Callable[..., str], old: object
) -> None:
    container = await make_container(auth_cookie=strategy, **SECRETS)
    assert await cookie_outcome(container, make()) == "user-1"
    assert await cookie_outcome(container, make(secret=OLD_SECRET)) == old


@pytest.mark.parametrize("size", [0, 10_000])
async def test_tokens_and_cookies_give_the_chosen_claims(
    make_container: MakeContainer, size: int
) -> None:
    container = await make_container(
        **KEYS_ONLY, auth_claims="activeOrganizationId,limits", auth_token_cache_size=size
    )
    by, claims = SIGNERS["EdDSA"], {"activeOrganizationId": "org-1", "limits": {"todos": [5]}}
    user, session = {"limits": claims["limits"]}, {"activeOrganizationId": "org-1"}
    credentials = [
        (container.token_verifier(), token(by, claims={**claims, "other": 1})),
        (session_verifier(container), jwks_cookie(session_data(user=user, session=session), by=by)),
    ]
    for verifier, text in credentials:
        for _ in range(2):  # the second time from the cache
            principal = await verifier.verify(text)
            assert plain(principal.claims) == claims
            with pytest.raises(TypeError):
                principal.claims["limits"]["todos"][0] = 6


@pytest.mark.parametrize("credential", ["token", "cookie"])
async def test_explainers_name_the_chosen_claims(
    make_container: MakeContainer, credential: str
) -> None:
    container = await make_container(**KEYS_ONLY, auth_claims="name,plan")
    by = SIGNERS["EdDSA"]
    if credential == "token":
        explanation = await container.token_explainer().explain(token(by))
    else:
        cookie_explainer = container.cookie_explainer()
        assert cookie_explainer is not None
        explanation = await cookie_explainer.explain(jwks_cookie(by=by))
    (finding,) = (finding for finding in explanation.findings if finding.check == "claims")
    assert finding.found == '{"name": "Alice"}; missing or ignored: plan'


async def test_the_key_set_verifies_cookies_without_a_secret(
    make_container: MakeContainer, key_server: KeyServer
) -> None:
    for slash in ("", "/", "/api/auth/"):
        container = await make_container(**{**KEYS_ONLY, "better_auth_url": f"{URL}{slash}"})
        for token_signer in SIGNERS.values():
            assert await cookie_outcome(container, jwks_cookie(by=token_signer)) == "user-1"
        assert await cookie_outcome(container, jwt_cookie()) == UnsupportedTokenError
        for issued_by in (f"{URL}/", f"{URL}/api/auth", "https://evil.example.com"):
            forged = jwks_cookie(session_data(iss=issued_by), by=SIGNERS["EdDSA"])
            assert await cookie_outcome(container, forged) == InvalidIssuerError
    assert set(key_server.requests) == {f"{URL}/api/auth/jwks"}


async def test_cookies_use_only_the_accepted_algorithms(make_container: MakeContainer) -> None:
    container = await make_container(
        **KEYS_ONLY, auth_algorithms="EdDSA", auth_issuer=f"{URL}/other"
    )
    data = session_data(iss=f"{URL}/other")
    cases: list[tuple[str, object]] = [
        (jwks_cookie(data, by=SIGNERS["EdDSA"]), "user-1"),
        (jwks_cookie(data, by=SIGNERS["ES256"]), InvalidAlgorithmError),
        (jwks_cookie(by=SIGNERS["EdDSA"]), InvalidIssuerError),
    ]
    for cookie, expected in cases:
        assert await cookie_outcome(container, cookie) == expected


async def test_cookies_are_off_by_default(make_container: MakeContainer) -> None:
    container = await make_container(**SECRETS)
    assert container.session_verifier() is None


async def test_the_settings_set_cookie_version_and_leeway(make_container: MakeContainer) -> None:
    values = {"auth_cookie": "compact", "auth_cookie_version": "2", **SECRETS}
    container = await make_container(**values, auth_leeway=100)
    for version, expected in (("1", InvalidClaimError), ("2", "user-1")):
        late = compact_cookie(session_data(version=version), end=NOW - 99)
        assert await cookie_outcome(container, late) == expected
    gone = compact_cookie(session_data(version="2"), end=NOW - 100)
    assert await cookie_outcome(container, gone) == ExpiredTokenError


@pytest.mark.parametrize(("size", "verified_again"), [(10, False), (0, True)])
async def test_cookies_and_tokens_have_separate_caches(
    make_container: MakeContainer, size: int, verified_again: bool
) -> None:
    container = await make_container(auth_cookie="jwt", auth_token_cache_size=size, **SECRETS)
    text = jwt_cookie()
    first = await session_verifier(container).verify(text)
    assert (await session_verifier(container).verify(text) is not first) is verified_again
    assert await token_outcome(container, text) == MissingClaimError
    bearer = token(secret_signer(), claims={"aud": ABSENT})
    assert await token_outcome(container, bearer) == "user-1"
    assert await cookie_outcome(container, bearer) == MissingClaimError


async def test_a_cached_cookie_is_verified_again_when_its_key_changes(
    make_container: MakeContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await make_container(**KEYS_ONLY)
    cached = jwks_cookie(by=SIGNERS["EdDSA"])
    assert await cookie_outcome(container, cached) == "user-1"
    replaced = ed25519_signer(Ed25519PrivateKey.generate(), kid="eddsa")
    monkeypatch.setitem(SIGNERS, "EdDSA", replaced)
    monkeypatch.setitem(SIGNERS, "new", signer("EdDSA", "new"))
    assert await cookie_outcome(container, cached) == "user-1"
    assert await cookie_outcome(container, jwks_cookie(by=SIGNERS["new"])) == "user-1"
    assert await cookie_outcome(container, cached) == InvalidSignatureError


async def test_an_outage_of_the_issuer_is_not_an_error_of_the_cookie(
    make_container: MakeContainer, key_server: KeyServer
) -> None:
    key_server.status = 500
    container = await make_container(**KEYS_ONLY)
    with pytest.raises(VerifierUnavailableError):
        await session_verifier(container).verify(jwks_cookie(by=SIGNERS["EdDSA"]))


@pytest.mark.parametrize(
    ("url", "names"),
    [
        (None, ["__Secure-mine", "mine"]),
        ("https://a", ["__Secure-mine"]),
        ("HTTPS://a:8443/auth", ["__Secure-mine"]),
        ("http://a", ["mine"]),
    ],
)
async def test_the_url_says_which_cookie_name_is_accepted(
    make_container: MakeContainer, url: str | None, names: list[str]
) -> None:
    values = {"better_auth_url": url, "auth_allow_http": True, "auth_cookie_name": "mine"}
    container = await make_container(**values, **SECRETS, auth_cookie="compact")
    assert container.cookie_names() == names


async def test_a_ban_of_a_session_ends_by_the_clock_of_the_container(
    make_container: MakeContainer,
) -> None:
    container = await make_container(auth_cookie="compact", **SECRETS)
    for ends, expected in ((NOW * 1000, "user-1"), (NOW * 1000 + 1, InactiveTokenError)):
        text = compact_cookie(session_data(user={"banned": True, "banExpires": ends}))
        assert await cookie_outcome(container, text) == expected


@pytest.mark.parametrize(
    ("values", "origins"),
    [
        ({"better_auth_url": f"{URL}/api/auth"}, {URL}),
        ({"better_auth_url": URL, "cors_origins": f"{URL},https://b"}, {URL, "https://b"}),
        ({"better_auth_secret": SECRET.decode(), "cors_origins": "https://b"}, {"https://b"}),
    ],
)
async def test_web_origins_are_the_cors_origins_and_better_auth(
    make_container: MakeContainer, values: dict[str, Any], origins: set[str]
) -> None:
    container = await make_container(auth_cookie="jwt", **values)
    assert container.web_origins() == origins
