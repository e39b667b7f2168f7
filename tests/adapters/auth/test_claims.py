"""The rules for the claims of a token, claim by claim and to the second."""

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
from backend.testing.encoding import ABSENT
from tests.adapters.auth.tokens import ISSUER, NOW, token
from tests.adapters.auth.verifiers import UNSET, assert_rejected, rejection, verifier

pytestmark = pytest.mark.anyio

WRONG_TYPES = [None, True, False, "", str(NOW), [], [NOW], {}, {"value": NOW}]


@pytest.mark.parametrize("claim", ["sub", "exp", "iss", "aud"])
async def test_requires_subject_expiry_issuer_and_audience(claim: str) -> None:
    await assert_rejected(MissingClaimError, token(claims={claim: ABSENT}))


@pytest.mark.parametrize("claim", ["iat", "nbf", "jti", "email", "name"])
async def test_requires_no_other_claims(claim: str) -> None:
    await verifier().verify(token(claims={claim: ABSENT}))


@pytest.mark.parametrize("value", WRONG_TYPES, ids=str)
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
async def test_rejects_times_that_are_not_numbers(claim: str, value: object) -> None:
    await assert_rejected(InvalidClaimError, token(claims={claim: value}))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [-1, -0.5, 253402300800, 10**30, 1e300, -(10**30)], ids=str)
async def test_rejects_times_out_of_range(claim: str, value: float) -> None:
    await assert_rejected(InvalidClaimError, token(claims={claim: value}))


async def test_accepts_fractions_of_seconds() -> None:
    principal = await verifier().verify(token(claims={"exp": NOW + 0.5}))
    assert principal.expires_at == NOW + 0.5


async def test_accepts_an_expiry_until_the_year_9999() -> None:
    principal = await verifier().verify(token(claims={"exp": 253402300798}))
    assert datetime.fromtimestamp(principal.expires_at, UTC).year == 9999


async def test_expires_exactly_at_exp_plus_leeway() -> None:
    # RFC 7519, section 4.1.4: on or after the time, it is not accepted.
    await verifier(leeway=10).verify(token(claims={"exp": NOW - 9}))
    await verifier(leeway=10).verify(token(claims={"exp": NOW - 9.999}))
    await assert_rejected(ExpiredTokenError, token(claims={"exp": NOW - 10}), leeway=10)
    await verifier(leeway=0).verify(token(claims={"exp": NOW + 1}))
    await assert_rejected(ExpiredTokenError, token(claims={"exp": NOW}), leeway=0)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_is_immature_until_nbf_and_iat_minus_leeway(claim: str) -> None:
    await verifier(leeway=10).verify(token(claims={claim: NOW + 10}))
    await assert_rejected(ImmatureTokenError, token(claims={claim: NOW + 11}), leeway=10)
    await assert_rejected(ImmatureTokenError, token(claims={claim: NOW + 10.001}), leeway=10)
    await verifier(leeway=0).verify(token(claims={claim: NOW}))
    await assert_rejected(ImmatureTokenError, token(claims={claim: NOW + 1}), leeway=0)


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], ["https://other.example", ISSUER]])
async def test_accepts_an_audience_alone_or_in_a_list(audience: object) -> None:
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
async def test_rejects_other_audiences(audience: object) -> None:
    await assert_rejected(InvalidAudienceError, token(claims={"aud": audience}))


@pytest.mark.parametrize(
    "audience", [None, [], 1, True, {}, {ISSUER: 1}, [1], [ISSUER, None], [ISSUER, 1], [[ISSUER]]]
)
async def test_rejects_audiences_of_the_wrong_type(audience: object) -> None:
    await assert_rejected(InvalidClaimError, token(claims={"aud": audience}))


async def test_rejects_every_audience_if_no_audience_is_configured() -> None:
    # RFC 7519, section 4.1.3.
    await verifier(audiences=UNSET).verify(token(claims={"aud": ABSENT}))
    await assert_rejected(InvalidAudienceError, token(), audiences=UNSET)
    await assert_rejected(InvalidClaimError, token(claims={"aud": None}), audiences=UNSET)


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
async def test_rejects_other_issuers(issuer: object) -> None:
    await assert_rejected(InvalidIssuerError, token(claims={"iss": issuer}))


async def test_rejects_an_issuer_that_is_null() -> None:
    await assert_rejected(MissingClaimError, token(claims={"iss": None}))


async def test_accepts_each_of_several_issuers() -> None:
    several = frozenset({ISSUER, "https://second.example"})
    for issuer in several:
        await verifier(issuers=several).verify(token(claims={"iss": issuer}))


async def test_accepts_every_issuer_if_no_issuer_is_configured() -> None:
    await verifier(issuers=UNSET).verify(token(claims={"iss": "https://other.example"}))
    await verifier(issuers=UNSET).verify(token(claims={"iss": ABSENT}))


@pytest.mark.parametrize(
    "subject",
    ["1", "user-1", "ユーザー", "auth0|5f7c8ec7c33c6c004bbafe82", "a b", "x" * 255, "💚"],
)
async def test_accepts_subjects_that_are_short_printable_strings(subject: str) -> None:
    assert (await verifier().verify(token(claims={"sub": subject}))).user_id == subject


@pytest.mark.parametrize(
    "subject",
    [
        *("", " ", " user-1", "user-1 ", "x" * 256, "user\x00-1", "user\n-1", "user\x7f"),
        *("user\u202e1", "user\u200b1", "\u00a0", "\ufeffuser", "user\u2028"),
        *(1, 1.5, True, False, [], ["user-1"], {}, {"id": "user-1"}),
    ],
)
async def test_rejects_other_subjects(subject: object) -> None:
    await assert_rejected(InvalidClaimError, token(claims={"sub": subject}))


async def test_rejects_a_subject_that_is_null() -> None:
    await assert_rejected(MissingClaimError, token(claims={"sub": None}))


@pytest.mark.parametrize("jti", [None, 1, True, [], {}])
async def test_rejects_a_token_id_that_is_not_a_string(jti: object) -> None:
    # RFC 7519, section 4.1.7.
    await assert_rejected(InvalidClaimError, token(claims={"jti": jti}))


@pytest.mark.parametrize("confirmation", [{"jkt": "AAAA"}, {"x5t#S256": "AAAA"}, {}, "", False])
async def test_rejects_tokens_that_are_bound_to_a_key(confirmation: object) -> None:
    # RFC 7800, RFC 9449: a bound token needs a proof that the caller has the key.
    await assert_rejected(UnsupportedTokenError, token(claims={"cnf": confirmation}))


async def test_accepts_a_confirmation_that_is_null() -> None:
    assert (await verifier().verify(token(claims={"cnf": None}))).user_id == "user-1"


async def test_limits_the_lifetime() -> None:
    times = {"iat": NOW - 60, "exp": NOW + 840}
    await verifier(max_lifetime=900).verify(token(claims=times))
    await assert_rejected(InvalidClaimError, token(claims=times), max_lifetime=899)
    await assert_rejected(MissingClaimError, token(claims={"iat": ABSENT}), max_lifetime=900)


async def test_reports_expiry_only_if_every_other_claim_is_valid() -> None:
    faults: list[dict[str, Any]] = [
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
    for fault in faults:
        error = await rejection(token(claims={"exp": NOW - 100, **fault}))
        assert not isinstance(error, ExpiredTokenError), fault
