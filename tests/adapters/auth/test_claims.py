"""What the claims of a token must say, claim by claim and to the second."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.domain.auth import (
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    MissingClaimError,
    UnsupportedTokenError,
)
from tests.adapters.auth.tokens import ABSENT, ISSUER, NOW, token
from tests.adapters.auth.verifiers import NOBODY, refusal, refuses, verifier

pytestmark = pytest.mark.anyio

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
    assert principal.expires_at == NOW + 0.5


async def test_a_token_may_live_as_long_as_dates_go() -> None:
    principal = await verifier().verify(token(claims={"exp": 253402300798}))
    assert datetime.fromtimestamp(principal.expires_at, UTC).year == 9999


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
