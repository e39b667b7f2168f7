"""Session cookies in the formats `jwt` and `jwe`, and the secrets of all formats."""

from collections.abc import Callable, Mapping

import pytest

from backend.adapters.auth.better_auth.cookie_formats import JweCookieDecoder
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from backend.testing.encoding import ABSENT, drop_absent, to_json
from backend.testing.signers import signer
from tests.adapters.auth.cookies import (
    COOKIE_EXPIRY,
    FORMATS,
    OLD_SECRET,
    assert_cookie_rejected,
    compact_cookie,
    cookie_verifier,
    jwe_cookie,
    jwks_cookie,
    jwks_decoder,
    jwt_cookie,
    run_sync,
    session_data,
    verify_cookie,
)
from tests.adapters.auth.tokens import ISSUER, SECRET, secret_signer

pytestmark = pytest.mark.anyio

JWT, JWKS, JWE = FORMATS["jwt"], FORMATS["jwks"], FORMATS["jwe"]

OTHER_SECRET = b"a secret that only another server knows"


@pytest.mark.parametrize("make", [compact_cookie, jwt_cookie])
async def test_rejects_cookies_signed_with_another_secret(make: Callable[..., str]) -> None:
    cookie_format = next(each for each in FORMATS.values() if each.make is make)
    for secret in (OTHER_SECRET, OLD_SECRET, SECRET + b"\n", SECRET[:-1], b""):
        await assert_cookie_rejected(InvalidSignatureError, cookie_format, make(secret=secret))


async def test_accepts_encrypted_cookies_of_an_old_secret() -> None:
    await verify_cookie(JWE, jwe_cookie(secret=OLD_SECRET))
    for secret in (OTHER_SECRET, SECRET + b"\0", b""):
        await assert_cookie_rejected(UnknownKeyError, JWE, jwe_cookie(secret=secret))


@pytest.mark.parametrize("salt", [b"better-auth-account", b"", b"better-auth-session "])
async def test_rejects_text_that_is_encrypted_for_another_purpose(salt: bytes) -> None:
    await assert_cookie_rejected(UnknownKeyError, JWE, jwe_cookie(salt=salt))


def test_decrypts_with_the_key_of_every_secret() -> None:
    decode = JweCookieDecoder([SECRET, OLD_SECRET])
    for secret in (SECRET, OLD_SECRET):
        claims = run_sync(decode(jwe_cookie(secret=secret)))
        assert claims["user"]["id"] == "user-1"


@pytest.mark.parametrize("typ", ["at+jwt", "better-auth.session-cache+jwt", "", 1, None])
async def test_a_cookie_signed_with_the_secret_has_typ_jwt_or_no_typ(typ: object) -> None:
    await assert_cookie_rejected(UnsupportedTokenError, JWT, jwt_cookie(header={"typ": typ}))
    await verify_cookie(JWT, jwt_cookie(header={"typ": "JWT"}))


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", ABSENT, "", 1])
async def test_a_cookie_signed_with_the_jwks_requires_its_own_typ(typ: object) -> None:
    await assert_cookie_rejected(UnsupportedTokenError, JWKS, jwks_cookie(header={"typ": typ}))


@pytest.mark.parametrize("alg", ["none", "HS384", "HS512", "hs256", "RS256", "EdDSA"])
async def test_a_cookie_signed_with_the_secret_must_use_hs256(alg: str) -> None:
    await assert_cookie_rejected(InvalidAlgorithmError, JWT, jwt_cookie(header={"alg": alg}))


async def test_a_public_key_is_not_accepted_as_the_secret() -> None:
    public = to_json(signer("EdDSA").jwk())
    for secret in (public, signer("EdDSA").public["x"].encode(), SECRET):
        text = jwks_cookie(by=secret_signer(secret), header={"kid": "key-1"})
        await assert_cookie_rejected(InvalidAlgorithmError, JWKS, text)


async def test_a_cookie_signed_with_the_secret_must_not_have_an_audience() -> None:
    data = session_data(aud="better-auth:session-cache")
    await assert_cookie_rejected(InvalidAudienceError, JWT, jwt_cookie(data))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": ISSUER}, InvalidAudienceError),
        ({"aud": []}, InvalidClaimError),
        ({"aud": ABSENT}, MissingClaimError),
        ({"iss": "https://evil.example.com"}, InvalidIssuerError),
        ({"iss": f"{ISSUER}/"}, InvalidIssuerError),
        ({"iss": ABSENT}, MissingClaimError),
        ({"iss": [ISSUER]}, InvalidIssuerError),
    ],
)
async def test_a_cookie_signed_with_the_jwks_requires_its_issuer_and_audience(
    changes: Mapping[str, object], error: type[AuthError]
) -> None:
    defaults = {
        "iss": ISSUER,
        "aud": "better-auth:session-cache",
        "sub": "user-1",
        "exp": COOKIE_EXPIRY,
    }
    data = {**session_data(), **defaults, **changes}
    await assert_cookie_rejected(error, JWKS, jwks_cookie(to_json(drop_absent(data))))


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES512", "RS256", "PS256"])
async def test_a_cookie_may_be_signed_with_every_algorithm_of_the_jwks(algorithm: str) -> None:
    key = signer(algorithm)
    text = jwks_cookie(by=key)
    assert (await cookie_verifier(jwks_decoder(key)).verify(text)).user_id == "user-1"
    with pytest.raises(AuthError):
        await cookie_verifier(jwks_decoder(signer(algorithm, "key-2"))).verify(text)


async def test_rejects_another_key_with_the_same_kid() -> None:
    text = jwks_cookie(by=signer("EdDSA", "key-2"), header={"kid": "key-1"})
    await assert_cookie_rejected(InvalidSignatureError, JWKS, text)
