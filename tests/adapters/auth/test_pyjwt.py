"""Which tokens are accepted, rule by rule, and which error says why another is not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.adapters.auth.key_set import read_key_set
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingClaimError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from tests.adapters.auth.tokens import (
    ABSENT,
    ISSUER,
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
from tests.adapters.auth.verifiers import NOBODY, FixedKeys, verifier

pytestmark = pytest.mark.anyio

ALGORITHMS = [
    *("EdDSA", "Ed25519", "ES256", "ES384", "ES512"),
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
]


async def refusal(text: str, **options: Any) -> AuthError:
    keys = options.pop("keys", ())
    with pytest.raises(AuthError) as caught:
        await verifier(*keys, **options).verify(text)
    assert caught.value.__cause__ is None
    return caught.value


async def refuses(error: type[AuthError], text: str, **options: Any) -> None:
    assert type(await refusal(text, **options)) is error


# --- Accepted ---------------------------------------------------------------------


async def test_accepts_a_token_of_better_auth() -> None:
    principal = await verifier().verify(token())
    assert principal.user_id == "user-1"
    assert principal.email == "alice@example.com"
    assert principal.name == "Alice"
    assert principal.expires_at == datetime.fromtimestamp(NOW + 840, UTC)


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


# --- The claims ----------------------------------------------------------------------

WRONG_TYPES = [None, True, False, "", str(NOW), [], [NOW], {}, {"value": NOW}]


@pytest.mark.parametrize("claim", ["sub", "exp", "iss", "aud"])
async def test_requires_the_claims_that_make_a_token_someones(claim: str) -> None:
    await refuses(MissingClaimError, token(claims={claim: ABSENT}))


@pytest.mark.parametrize("claim", ["iat", "nbf", "jti", "email", "name"])
async def test_requires_no_other(claim: str) -> None:
    await verifier().verify(token(claims={claim: ABSENT}))


@pytest.mark.parametrize("value", WRONG_TYPES, ids=str)
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
async def test_a_time_is_a_number_and_nothing_that_looks_like_one(
    claim: str, value: object
) -> None:
    await refuses(InvalidClaimError, token(claims={claim: value}))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [-1, -0.5, 253402300800, 10**30, 1e300, -(10**30)], ids=str)
async def test_a_time_is_a_time_that_can_be(claim: str, value: float) -> None:
    await refuses(InvalidClaimError, token(claims={claim: value}))


async def test_a_time_may_have_a_fraction() -> None:
    principal = await verifier().verify(token(claims={"exp": NOW + 0.5}))
    assert principal.expires_at == datetime.fromtimestamp(NOW + 0.5, UTC)


async def test_a_token_may_live_as_long_as_dates_go() -> None:
    principal = await verifier().verify(token(claims={"exp": 253402300798}))
    assert principal.expires_at.year == 9999


async def test_expires_at_its_end_and_the_leeway_exactly() -> None:
    # RFC 7519, section 4.1.4: on or after the time, it is not accepted.
    await verifier(leeway=10).verify(token(claims={"exp": NOW - 9}))
    await verifier(leeway=10).verify(token(claims={"exp": NOW - 9.999}))
    await refuses(ExpiredTokenError, token(claims={"exp": NOW - 10}), leeway=10)
    await verifier(leeway=0).verify(token(claims={"exp": NOW + 1}))
    await refuses(ExpiredTokenError, token(claims={"exp": NOW}), leeway=0)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_is_immature_before_its_time_but_for_the_leeway(claim: str) -> None:
    await verifier(leeway=10).verify(token(claims={claim: NOW + 10}))
    await refuses(ImmatureTokenError, token(claims={claim: NOW + 11}), leeway=10)
    await refuses(ImmatureTokenError, token(claims={claim: NOW + 10.001}), leeway=10)
    await verifier(leeway=0).verify(token(claims={claim: NOW}))
    await refuses(ImmatureTokenError, token(claims={claim: NOW + 1}), leeway=0)


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], ["https://other.example", ISSUER]])
async def test_accepts_an_audience_alone_or_among_others(audience: object) -> None:
    await verifier().verify(token(claims={"aud": audience}))


@pytest.mark.parametrize(
    "audience",
    [
        "https://other.example",
        ISSUER + "/",
        ISSUER.upper(),
        ISSUER[:-1],
        "",
        ["https://other.example"],
        [""],
        [ISSUER + " "],
    ],
)
async def test_refuses_another_audience(audience: object) -> None:
    await refuses(InvalidAudienceError, token(claims={"aud": audience}))


@pytest.mark.parametrize(
    "audience", [None, [], 1, True, {}, {ISSUER: 1}, [1], [ISSUER, None], [ISSUER, 1], [[ISSUER]]]
)
async def test_refuses_what_is_no_audience(audience: object) -> None:
    await refuses(InvalidClaimError, token(claims={"aud": audience}))


async def test_without_a_known_audience_refuses_a_token_that_is_meant_for_one() -> None:
    # RFC 7519, section 4.1.3.
    await verifier(audiences=NOBODY).verify(token(claims={"aud": ABSENT}))
    await refuses(InvalidAudienceError, token(), audiences=NOBODY)
    await refuses(InvalidClaimError, token(claims={"aud": None}), audiences=NOBODY)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://other.example",
        ISSUER + "/",
        ISSUER + "/api/auth",
        ISSUER[:-1],
        ISSUER.upper(),
        "",
        1,
        True,
        [ISSUER],
        {ISSUER: 1},
    ],
)
async def test_refuses_another_issuer(issuer: object) -> None:
    await refuses(InvalidIssuerError, token(claims={"iss": issuer}))


async def test_refuses_an_issuer_that_is_null() -> None:
    await refuses(MissingClaimError, token(claims={"iss": None}))


async def test_accepts_any_of_several_issuers() -> None:
    several = frozenset({ISSUER, "https://second.example"})
    for issuer in several:
        await verifier(issuers=several).verify(token(claims={"iss": issuer}))


async def test_without_a_known_issuer_accepts_any() -> None:
    await verifier(issuers=NOBODY).verify(token(claims={"iss": "whoever"}))
    await verifier(issuers=NOBODY).verify(token(claims={"iss": ABSENT}))


@pytest.mark.parametrize(
    "subject",
    ["1", "user-1", "ユーザー", "auth0|5f7c8ec7c33c6c004bbafe82", "a b", "x" * 255, "💚"],
)
async def test_accepts_a_subject_that_names_someone(subject: str) -> None:
    assert (await verifier().verify(token(claims={"sub": subject}))).user_id == subject


@pytest.mark.parametrize(
    "subject",
    [
        *("", " ", " user-1", "user-1 ", "x" * 256, "user\x00-1", "user\n-1", "user\x7f"),
        *("user\u202e1", "user\u200b1", "\u00a0", "\ufeffuser", "user\u2028"),
        *(1, 1.5, True, False, [], ["user-1"], {}, {"id": "user-1"}),
    ],
)
async def test_refuses_a_subject_that_names_no_one(subject: object) -> None:
    await refuses(InvalidClaimError, token(claims={"sub": subject}))


async def test_refuses_a_subject_that_is_null() -> None:
    await refuses(MissingClaimError, token(claims={"sub": None}))


@pytest.mark.parametrize("jti", [None, 1, True, [], {}])
async def test_refuses_a_token_id_that_is_no_string(jti: object) -> None:
    # RFC 7519, section 4.1.7.
    await refuses(InvalidClaimError, token(claims={"jti": jti}))


@pytest.mark.parametrize("confirmation", [{"jkt": "AAAA"}, {"x5t#S256": "AAAA"}, {}, None])
async def test_refuses_a_token_that_is_bound_to_a_key(confirmation: object) -> None:
    # RFC 7800, RFC 9449: whoever merely bears it is not who it was issued to.
    await refuses(UnsupportedTokenError, token(claims={"cnf": confirmation}))


async def test_can_bound_how_long_a_token_lives() -> None:
    lives = {"iat": NOW - 60, "exp": NOW + 840}
    await verifier(max_lifetime=900).verify(token(claims=lives))
    await refuses(InvalidClaimError, token(claims=lives), max_lifetime=899)
    await refuses(MissingClaimError, token(claims={"iat": ABSENT}), max_lifetime=900)


async def test_says_expired_only_of_a_token_that_is_right_in_everything_else() -> None:
    wrong: list[dict[str, Any]] = [
        {"sub": ABSENT},
        {"sub": 1},
        {"iss": "else"},
        {"aud": "else"},
        {"cnf": {}},
        {"jti": 1},
        {"nbf": NOW + 100},
        {"iat": NOW + 100},
        {"nbf": "soon"},
    ]
    for changes in wrong:
        error = await refusal(token(claims={"exp": NOW - 100, **changes}))
        assert not isinstance(error, ExpiredTokenError), changes


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
