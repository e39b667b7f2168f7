"""Which tokens are accepted, rule by rule, and which error says why another is not."""

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
from tests.adapters.auth.tokens import (
    ABSENT,
    NOW,
    SECRET,
    b64,
    key_set,
    secret_signer,
    signer,
    some_claims,
    to_json,
    token,
)
from tests.adapters.auth.verifiers import NOBODY, FixedKeys, refusal, refuses, verifier

pytestmark = pytest.mark.anyio

ALGORITHMS = [
    *("EdDSA", "Ed25519", "ES256", "ES384", "ES512"),
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
]


# --- Accepted ---------------------------------------------------------------------


async def test_accepts_a_token_of_better_auth() -> None:
    principal = await verifier().verify(token())
    assert principal.user_id == "user-1"
    assert principal.email == "alice@example.com"
    assert principal.name == "Alice"
    assert principal.expires_at == NOW + 840


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_accepts_every_algorithm_that_better_auth_can_be_set_to(algorithm: str) -> None:
    by = signer(algorithm)
    assert (await verifier(by).verify(token(by))).user_id == "user-1"


async def test_accepts_a_token_signed_with_any_of_the_secrets() -> None:
    for secret in (SECRET, b"another secret, of thirty-two bytes"):
        text = token(secret_signer(secret))
        secrets = [SECRET, b"another secret, of thirty-two bytes"]
        assert (await verifier(secrets=secrets).verify(text)).user_id == "user-1"


async def test_accepts_an_oauth_access_token() -> None:
    # RFC 9068; the claims of Better Auth's OAuth provider, whose audience is a list.
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


# --- The header -------------------------------------------------------------------


@pytest.mark.parametrize(
    "typ",
    [ABSENT, "JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/JWT"],
)
async def test_accepts_the_types_of_access_tokens_in_any_case(typ: object) -> None:
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
async def test_refuses_every_other_type(typ: object) -> None:
    await refuses(UnsupportedTokenError, token(header={"typ": typ}))


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
async def test_refuses_headers_that_change_what_a_token_is(header: dict[str, Any]) -> None:
    await refuses(UnsupportedTokenError, token(header=header))


@pytest.mark.parametrize("cty", ["json", "application/json", 1, None])
async def test_another_content_type_changes_nothing(cty: object) -> None:
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
async def test_refuses_every_algorithm_that_is_not_accepted(alg: object) -> None:
    await refuses(InvalidAlgorithmError, token(header={"alg": alg}))


@pytest.mark.parametrize(("count", "filler"), [(4_000, 0), (250, 5_000)])
async def test_headers_that_nobody_signed_do_not_fill_the_memory(count: int, filler: int) -> None:
    source = FixedKeys(read_key_set(key_set(signer("EdDSA"))))
    judge = verifier(source=source)
    texts = [token(header={"kid": f"key-{n}", "x": "x" * filler}) for n in range(count)]
    with pytest.raises(UnknownKeyError):
        await judge.verify(texts.pop())
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for text in texts:
            with contextlib.suppress(UnknownKeyError):
                await judge.verify(text)
            source.asked.clear()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 500_000


async def test_the_header_is_judged_before_any_key_is_asked_for() -> None:
    source = FixedKeys(read_key_set(key_set(signer("EdDSA"))))
    for header in ({"alg": "none"}, {"typ": "logout+jwt"}, {"crit": ["x"]}, {"kid": 1}):
        await refusal(token(header=header), source=source)
    assert source.asked == []


async def test_keys_that_a_token_brings_along_are_not_looked_at() -> None:
    mallory = signer("EdDSA", "mallory")
    for member, value in (
        ("jwk", mallory.jwk()),
        ("jku", "https://mallory.example/jwks"),
        ("x5u", "https://mallory.example/certificate"),
        ("x5c", ["MIIB"]),
        ("x5t", "AAAA"),
    ):
        await refuses(UnknownKeyError, token(mallory, header={member: value}))
        await refuses(InvalidSignatureError, token(mallory, header={member: value, "kid": "key-1"}))
        await verifier().verify(token(header={member: value}))


# --- The key -------------------------------------------------------------------------


async def test_refuses_a_token_signed_with_another_key() -> None:
    forged = token(signer("EdDSA", "mallory"), header={"kid": "key-1"})
    await refuses(InvalidSignatureError, forged)


async def test_refuses_a_key_that_is_not_published() -> None:
    await refuses(UnknownKeyError, token(signer("EdDSA", "mallory")))


async def test_a_token_without_kid_is_verified_by_the_only_key_that_fits() -> None:
    text = token(header={"kid": ABSENT})
    await verifier(signer("EdDSA"), signer("ES256", "2")).verify(text)
    two = (signer("EdDSA"), signer("EdDSA", "2"))
    await refuses(UnknownKeyError, text, keys=two)


async def test_an_ambiguous_kid_is_resolved_within_the_tokens_algorithm_only() -> None:
    # Better Auth counts its keys, so issuers and algorithms may share an id.
    one = [signer(algorithm, "1") for algorithm in ("EdDSA", "ES256", "RS256")]
    for by in one:
        await verifier(*one).verify(token(by))
    await refuses(InvalidAlgorithmError, token(signer("PS256", "1")), keys=one)
    twins = [signer("EdDSA", "1"), signer("EdDSA", "2").jwk(kid="1")]
    for by in (signer("EdDSA", "1"), signer("EdDSA", "2")):
        await verifier(*twins).verify(token(by, header={"kid": "1"}))
    await refuses(
        InvalidSignatureError, token(signer("EdDSA", "3"), header={"kid": "1"}), keys=twins
    )


async def test_a_key_verifies_only_the_algorithm_that_it_states() -> None:
    # The same RSA key signs RS256 and PS256 alike; the issuer said which it uses.
    by = signer("PS256")
    await verifier(by.jwk()).verify(token(by))
    await verifier(by.jwk(alg=ABSENT)).verify(token(by))
    await refuses(InvalidAlgorithmError, token(by), keys=[by.jwk(alg="RS256")])


# --- The payload ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[]",
        b'"user-1"',
        b"{",
        b"not json",
        to_json(some_claims())[:-1] + b',"sub":"mallory"}',
        to_json(some_claims())[:-1] + b',"a":{"b":1,"b":2}}',
        to_json(some_claims())[:-1] + b',"a":NaN}',
        to_json(some_claims())[:-1] + b',"a":1e999}',
        to_json(some_claims())[:-1] + b',"a":"\\ud800"}',
        to_json(some_claims())[:-1] + b',"a":"\xff"}',
        to_json(some_claims()).decode().encode("utf-16"),
        b"\xef\xbb\xbf" + to_json(some_claims()),
    ],
)
async def test_refuses_a_payload_that_two_readers_may_read_differently(payload: bytes) -> None:
    await refuses(MalformedTokenError, token(claims=payload))


async def test_says_nothing_of_a_payload_before_the_signature_holds() -> None:
    forged = token(claims={"exp": NOW - 10_000, "aud": "else"}, signature=bytes(64))
    await refuses(InvalidSignatureError, forged)
    await refuses(InvalidSignatureError, token(claims=b"not json", signature=bytes(64)))
    header, _, signature = token().split(".")
    await refuses(InvalidSignatureError, f"{header}.not*base64url.{signature}")


# --- Tokens of other kinds that the issuer's keys sign as well -----------------------------


@pytest.mark.parametrize(
    "payload",
    [
        {"email": "alice@example.com", "iat": NOW, "exp": NOW + 3600},
        {"email": "alice@example.com", "updateTo": "mallory@example.com", "exp": NOW + 3600},
        {"email": "alice@example.com", "requestType": "change-email", "exp": NOW + 3600},
    ],
)
async def test_a_mailed_link_of_better_auth_logs_no_one_in(payload: dict[str, Any]) -> None:
    # Such links are HS256 tokens of the same secret, and mail passes many hands.
    by = secret_signer()
    text = token(by, header={"typ": ABSENT}, claims=to_json(payload))
    await refuses(MissingClaimError, text, secrets=[SECRET], issuers=NOBODY, audiences=NOBODY)


async def test_a_session_cookie_is_no_bearer_token() -> None:
    payload = {
        "session": {"userId": "user-1", "token": "t"},
        "user": {"id": "user-1"},
        "updatedAt": NOW * 1000,
        "version": "1",
        "iat": NOW,
        "exp": NOW + 300,
    }
    text = token(secret_signer(), claims=to_json(payload))
    await refuses(MissingClaimError, text, secrets=[SECRET], issuers=NOBODY, audiences=NOBODY)
    signed = token(
        header={"typ": "better-auth.session-cache+jwt"},
        claims={"aud": "better-auth:session-cache"},
    )
    await refuses(UnsupportedTokenError, signed)
    untyped = token(claims={"aud": "better-auth:session-cache"})
    await refuses(InvalidAudienceError, untyped)


async def test_an_id_token_is_no_access_token() -> None:
    await refuses(InvalidAudienceError, token(claims={"aud": "client", "nonce": "n"}))


async def test_a_secret_verifies_nothing_unless_it_is_configured() -> None:
    await refuses(InvalidAlgorithmError, token(secret_signer()))


async def test_a_secret_and_a_key_set_live_side_by_side_without_mixing() -> None:
    both = verifier(signer("RS256"), secrets=[SECRET])
    await both.verify(token(signer("RS256")))
    await both.verify(token(secret_signer()))
    with pytest.raises(InvalidSignatureError):
        await both.verify(token(secret_signer(), header={"alg": "RS256", "kid": "key-1"}))
    with pytest.raises(InvalidSignatureError):
        await both.verify(token(signer("RS256"), header={"alg": "HS256"}))
    with pytest.raises(InvalidAlgorithmError):
        await both.verify(token(secret_signer(hash_name="sha512")))


async def test_the_segments_of_two_good_tokens_make_no_third() -> None:
    alice, bob = token(claims={"sub": "alice"}), token(claims={"sub": "bob"})
    header, payload, _ = alice.split(".")
    await refuses(InvalidSignatureError, f"{header}.{payload}.{bob.split('.')[2]}")
    other = b64(to_json({"alg": "EdDSA", "kid": "key-1", "typ": "JWT"}))
    await refuses(InvalidSignatureError, f"{other}.{payload}.{alice.split('.')[2]}")
