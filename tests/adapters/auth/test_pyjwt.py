"""The JWT verifier: which tokens it accepts, and the error for every other token."""

import contextlib
import gc
import tracemalloc
from typing import Any

import pytest

from backend.adapters.auth.jwks.key_set import read_key_set
from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from backend.testing.encoding import ABSENT, b64, to_json
from backend.testing.signers import key_set, signer
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token, valid_claims
from tests.adapters.auth.verifiers import UNSET, FixedKeys, assert_rejected, rejection, verifier

pytestmark = pytest.mark.anyio

ALGORITHMS = [
    *("EdDSA", "Ed25519", "ES256", "ES384", "ES512"),
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
]


async def test_accepts_tokens_of_better_auth() -> None:
    principal = await verifier().verify(token())
    assert principal.user_id == "user-1"
    assert principal.email == "alice@example.com"
    assert principal.name == "Alice"
    assert principal.expires_at == NOW + 840


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_accepts_every_algorithm_of_better_auth(algorithm: str) -> None:
    key = signer(algorithm)
    assert (await verifier(key).verify(token(key))).user_id == "user-1"


async def test_accepts_tokens_signed_with_any_secret() -> None:
    secrets = [SECRET, b"another secret, of thirty-two bytes"]
    for secret in secrets:
        text = token(secret_signer(secret))
        assert (await verifier(secrets=secrets).verify(text)).user_id == "user-1"


async def test_accepts_oauth_access_tokens() -> None:
    # RFC 9068. Better Auth's OAuth provider puts a list into `aud`.
    claims = {
        "aud": ["https://api.example.com", "https://app.example.com/api/auth/oauth2/userinfo"],
        "iss": "https://app.example.com/api/auth",
        "scope": "todos:read todos:write",
        "client_id": "client",
        "jti": "1",
        "email": ABSENT,
        "name": ABSENT,
    }
    text = token(header={"typ": "at+jwt"}, claims=claims)
    principal = await verifier(
        issuers=frozenset({"https://app.example.com/api/auth"}),
        audiences=frozenset({"https://api.example.com"}),
    ).verify(text)
    assert principal.email is None
    assert principal.scopes == {"todos:read", "todos:write"}


@pytest.mark.parametrize(
    "typ",
    [ABSENT, "JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT"],
)
async def test_accepts_access_token_types_in_any_case(typ: object) -> None:
    await verifier().verify(token(header={"typ": typ}))


@pytest.mark.parametrize(
    "typ",
    [
        "logout+jwt",
        "better-auth.session-cache+jwt",
        "id+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "JOSE",
        "JOSE+JSON",
        "jwt ",
        " jwt",
        "jwt\x00",
        "text/jwt",
        "application/application/jwt",
        "",
        None,
        1,
        True,
        ["JWT"],
        {"typ": "JWT"},
    ],
)
async def test_rejects_other_types(typ: object) -> None:
    await assert_rejected(UnsupportedTokenError, token(header={"typ": typ}))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": NOW},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"crit": None},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"cty": "JWT"},
        {"cty": "jwt"},
        {"cty": "application/jwt"},
        {"kid": None},
        {"kid": 1},
        {"kid": True},
        {"kid": ["key-1"]},
        {"kid": {"key-1": 1}},
        {"kid": ""},
        {"kid": "k" * 257},
    ],
    ids=str,
)
async def test_rejects_unsupported_headers(header: dict[str, Any]) -> None:
    await assert_rejected(UnsupportedTokenError, token(header=header))


@pytest.mark.parametrize("cty", ["json", "application/json", 1, None])
async def test_ignores_other_content_types(cty: object) -> None:
    await verifier().verify(token(header={"cty": cty}))


@pytest.mark.parametrize(
    "alg",
    [
        *("none", "None", "NONE", "nOnE", "", " ", "none\x00"),
        *("HS256", "HS384", "HS512", "hs256"),
        *("eddsa", "EDDSA", "EdDSA ", " EdDSA", "Ed448", "ES256K", "ES521", "RS1"),
        *("RSA-OAEP", "dir", "A256KW"),
        *(ABSENT, None, 0, 1, True, ["EdDSA"], {"EdDSA": 1}, [["EdDSA"]]),
    ],
)
async def test_rejects_other_algorithms(alg: object) -> None:
    await assert_rejected(InvalidAlgorithmError, token(header={"alg": alg}))


@pytest.mark.parametrize(("count", "filler"), [(4_000, 0), (250, 5_000)])
async def test_unsigned_headers_do_not_fill_the_memory(count: int, filler: int) -> None:
    source = FixedKeys(read_key_set(key_set(signer("EdDSA"))))
    token_verifier = verifier(source=source)
    texts = [token(header={"kid": f"key-{n}", "x": "x" * filler}) for n in range(count)]
    with pytest.raises(UnknownKeyError):
        await token_verifier.verify(texts.pop())
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for text in texts:
            with contextlib.suppress(UnknownKeyError):
                await token_verifier.verify(text)
            source.asked.clear()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 500_000


async def test_validates_the_header_before_it_looks_up_a_key() -> None:
    source = FixedKeys(read_key_set(key_set(signer("EdDSA"))))
    for header in ({"alg": "none"}, {"typ": "logout+jwt"}, {"crit": ["x"]}, {"kid": 1}):
        await rejection(token(header=header), source=source)
    assert source.asked == []


async def test_ignores_keys_in_the_token_header() -> None:
    mallory = signer("EdDSA", "mallory")
    for member, value in (
        ("jwk", mallory.jwk()),
        ("jku", "https://mallory.example/jwks"),
        ("x5u", "https://mallory.example/certificate"),
        ("x5c", ["MIIB"]),
        ("x5t", "AAAA"),
    ):
        await assert_rejected(UnknownKeyError, token(mallory, header={member: value}))
        await assert_rejected(
            InvalidSignatureError, token(mallory, header={member: value, "kid": "key-1"})
        )
        await verifier().verify(token(header={member: value}))


async def test_rejects_tokens_signed_with_another_key() -> None:
    forged = token(signer("EdDSA", "mallory"), header={"kid": "key-1"})
    await assert_rejected(InvalidSignatureError, forged)


async def test_rejects_keys_that_are_not_published() -> None:
    await assert_rejected(UnknownKeyError, token(signer("EdDSA", "mallory")))


async def test_a_token_without_kid_needs_exactly_one_matching_key() -> None:
    text = token(header={"kid": ABSENT})
    await verifier(signer("EdDSA"), signer("ES256", "2")).verify(text)
    two = (signer("EdDSA"), signer("EdDSA", "2"))
    await assert_rejected(UnknownKeyError, text, *two)


async def test_an_ambiguous_kid_matches_only_keys_of_the_algorithm() -> None:
    # Better Auth may use serial numbers as ids, so keys of different algorithms may share a kid.
    keys = [signer(algorithm, "1") for algorithm in ("EdDSA", "ES256", "RS256")]
    for key in keys:
        await verifier(*keys).verify(token(key))
    await assert_rejected(InvalidAlgorithmError, token(signer("PS256", "1")), *keys)
    twins = [signer("EdDSA", "1"), signer("EdDSA", "2").jwk(kid="1")]
    for key in (signer("EdDSA", "1"), signer("EdDSA", "2")):
        await verifier(*twins).verify(token(key, header={"kid": "1"}))
    await assert_rejected(
        InvalidSignatureError, token(signer("EdDSA", "3"), header={"kid": "1"}), *twins
    )


async def test_a_key_verifies_only_the_algorithm_of_its_jwk() -> None:
    # An RSA key can sign both RS256 and PS256. The `alg` of the JWK says which one the issuer uses.
    key = signer("PS256")
    await verifier(key.jwk()).verify(token(key))
    await verifier(key.jwk(alg=ABSENT)).verify(token(key))
    await assert_rejected(InvalidAlgorithmError, token(key), key.jwk(alg="RS256"))


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[]",
        b'"user-1"',
        b"{",
        b"not json",
        to_json(valid_claims())[:-1] + b',"sub":"mallory"}',
        to_json(valid_claims())[:-1] + b',"a":{"b":1,"b":2}}',
        to_json(valid_claims())[:-1] + b',"a":NaN}',
        to_json(valid_claims())[:-1] + b',"a":1e999}',
        to_json(valid_claims())[:-1] + b',"a":"\\ud800","a":1}',
        to_json(valid_claims())[:-1] + b',"a":"\xff"}',
        to_json(valid_claims()).decode().encode("utf-16"),
        b"\xef\xbb\xbf" + to_json(valid_claims()),
    ],
)
async def test_rejects_ambiguous_payloads(payload: bytes) -> None:
    await assert_rejected(MalformedTokenError, token(claims=payload))


@pytest.mark.parametrize("name", [b"name", b"email", b"picture", b"\\ud800"])
async def test_a_lone_surrogate_in_another_claim_is_accepted(name: bytes) -> None:
    claims = to_json(valid_claims(name=ABSENT, email=ABSENT))[:-1] + b',"%b":"a\\ud83d"}' % name
    principal = await verifier().verify(token(claims=claims))
    assert (principal.user_id, principal.name, principal.email) == ("user-1", None, None)


@pytest.mark.parametrize("name", ["sub", "iss", "aud", "exp", "nbf", "iat"])
async def test_rejects_a_lone_surrogate_in_a_registered_claim(name: str) -> None:
    claims = to_json(valid_claims(**{name: ABSENT}))[:-1] + b',"%b":"\\ud83d"}' % name.encode()
    await rejection(token(claims=claims))


async def test_rejects_a_lone_surrogate_in_the_header() -> None:
    header = to_json({"alg": "EdDSA", "kid": "key-1"})[:-1] + b',"a":"\\ud83d"}'
    await assert_rejected(MalformedTokenError, token(header=header))


async def test_verifies_the_signature_before_it_reads_the_payload() -> None:
    forged = token(claims={"exp": NOW - 10_000, "aud": "else"}, signature=bytes(64))
    await assert_rejected(InvalidSignatureError, forged)
    await assert_rejected(InvalidSignatureError, token(claims=b"not json", signature=bytes(64)))
    header, _, signature = token().split(".")
    await assert_rejected(InvalidSignatureError, f"{header}.not*base64url.{signature}")


@pytest.mark.parametrize(
    "payload",
    [
        {"email": "alice@example.com", "iat": NOW, "exp": NOW + 3600},
        {"email": "alice@example.com", "updateTo": "mallory@example.com", "exp": NOW + 3600},
        {"email": "alice@example.com", "requestType": "change-email", "exp": NOW + 3600},
    ],
)
async def test_rejects_the_tokens_of_emailed_links(payload: dict[str, Any]) -> None:
    # The links contain HS256 tokens of the same secret, and e-mail is not confidential.
    text = token(secret_signer(), header={"typ": ABSENT}, claims=to_json(payload))
    await assert_rejected(MissingClaimError, text, secrets=[SECRET], issuers=UNSET, audiences=UNSET)


async def test_rejects_session_cookies() -> None:
    payload = {
        "session": {"userId": "user-1", "token": "t"},
        "user": {"id": "user-1"},
        "updatedAt": NOW * 1000,
        "version": "1",
        "iat": NOW,
        "exp": NOW + 300,
    }
    text = token(secret_signer(), claims=to_json(payload))
    await assert_rejected(MissingClaimError, text, secrets=[SECRET], issuers=UNSET, audiences=UNSET)
    jwks_cookie = token(
        header={"typ": "better-auth.session-cache+jwt"},
        claims={"aud": "better-auth:session-cache"},
    )
    await assert_rejected(UnsupportedTokenError, jwks_cookie)
    untyped = token(claims={"aud": "better-auth:session-cache"})
    await assert_rejected(InvalidAudienceError, untyped)


async def test_rejects_id_tokens() -> None:
    await assert_rejected(InvalidAudienceError, token(claims={"aud": "client", "nonce": "n"}))


async def test_rejects_hs256_without_a_configured_secret() -> None:
    await assert_rejected(InvalidAlgorithmError, token(secret_signer()))


async def test_a_secret_and_a_key_set_can_be_combined() -> None:
    both = verifier(signer("RS256"), secrets=[SECRET])
    await both.verify(token(signer("RS256")))
    await both.verify(token(secret_signer()))
    with pytest.raises(InvalidSignatureError):
        await both.verify(token(secret_signer(), header={"alg": "RS256", "kid": "key-1"}))
    with pytest.raises(InvalidSignatureError):
        await both.verify(token(signer("RS256"), header={"alg": "HS256"}))
    with pytest.raises(InvalidAlgorithmError):
        await both.verify(token(secret_signer(hash_name="sha512")))


async def test_rejects_a_token_made_of_segments_of_two_others() -> None:
    alice, bob = token(claims={"sub": "alice"}), token(claims={"sub": "bob"})
    header, payload, _ = alice.split(".")
    await assert_rejected(InvalidSignatureError, f"{header}.{payload}.{bob.split('.')[2]}")
    other_header = b64(to_json({"alg": "EdDSA", "kid": "key-1", "typ": "JWT"}))
    await assert_rejected(InvalidSignatureError, f"{other_header}.{payload}.{alice.split('.')[2]}")
