"""Better Auth's URLs, and the mapping of its claims to a principal."""

import logging

import pytest

from backend.adapters.auth.better_auth.tokens import BetterAuthUrls, to_principal
from backend.domain.auth import InactiveTokenError
from backend.testing.encoding import ABSENT
from tests.adapters.auth.tokens import NOW, valid_claims

MALFORMED_TIMES: list[object] = [
    *(0, -1, 0.0, True, False, "", "never", "1", [], {}),
    *("2026-01-01T00:00:00", "2026-01-01"),
]
EXPIRES_AT = 1_893_456_000
MARK = "confidential"
NO_TEXTS = [1, True, False, 0, [], [MARK], {}, {MARK: MARK}, f"{MARK}\ud83d", "\udc00"]
NO_LISTS = [
    1,
    True,
    False,
    0,
    {},
    {MARK: 1},
    [MARK, 1],
    [None],
    [[MARK]],
    f"{MARK}\ud83d",
    ["\udc00"],
]


@pytest.mark.parametrize(
    ("base_url", "origin", "jwks"),
    [
        (
            "https://app.example.com",
            "https://app.example.com",
            "https://app.example.com/api/auth/jwks",
        ),
        (
            "https://app.example.com/",
            "https://app.example.com",
            "https://app.example.com/api/auth/jwks",
        ),
        (
            "https://app.example.com/api/auth",
            "https://app.example.com",
            "https://app.example.com/api/auth/jwks",
        ),
        (
            "https://app.example.com/identity//",
            "https://app.example.com",
            "https://app.example.com/identity/jwks",
        ),
        ("http://localhost:3000", "http://localhost:3000", "http://localhost:3000/api/auth/jwks"),
        ("https://h:80", "https://h:80", "https://h:80/api/auth/jwks"),
        ("http://[::1]:3000/", "http://[::1]:3000", "http://[::1]:3000/api/auth/jwks"),
        (
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example/api/auth/jwks",
        ),
    ],
)
def test_derives_the_origin_and_the_jwks_url_from_the_base_url(
    base_url: str, origin: str, jwks: str
) -> None:
    base = jwks.removesuffix("/jwks")
    expected = BetterAuthUrls(origin=origin, base=base, jwks=jwks)
    assert BetterAuthUrls.from_base_url(base_url) == expected


def test_maps_claims_to_a_principal() -> None:
    claims = valid_claims(role="admin, editor,,", scope="todos:read  todos:write", id="another")
    principal = to_principal(claims, EXPIRES_AT)
    assert principal.user_id == "user-1"
    assert principal.expires_at == EXPIRES_AT
    assert principal.email == "alice@example.com"
    assert principal.name == "Alice"
    assert principal.roles == {"admin", "editor"}
    assert principal.scopes == {"todos:read", "todos:write"}


@pytest.mark.parametrize("value", [ABSENT, None, ""])
def test_absent_and_empty_claims_are_unset(value: object) -> None:
    claims = valid_claims(email=value, name=value, role=value, scope=value)
    principal = to_principal(claims, EXPIRES_AT)
    assert (principal.email, principal.name) == (None, None)
    assert (principal.roles, principal.scopes) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *(("email", value) for value in NO_TEXTS),
        *(("name", value) for value in NO_TEXTS),
        *(("role", value) for value in NO_LISTS),
        *(("scope", value) for value in NO_LISTS),
    ],
)
def test_claims_of_the_wrong_type_are_ignored_and_logged(
    claim: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    principal = to_principal(valid_claims(**{claim: value}), EXPIRES_AT)
    assert principal == to_principal(valid_claims(**{claim: ABSENT}), EXPIRES_AT)
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert f"the claim {claim} is ignored" in record.getMessage()
    assert MARK not in record.getMessage()


def test_a_list_of_strings_is_a_list_of_roles_or_scopes() -> None:
    claims = valid_claims(role=["user", " editor ", "", "a b"], scope=["todos:read", "é"])
    principal = to_principal(claims, EXPIRES_AT)
    assert principal.roles == {"user", "editor", "a b"}
    assert principal.scopes == {"todos:read", "é"}
    assert to_principal(valid_claims(role=[], scope=[]), EXPIRES_AT).roles == frozenset()


@pytest.mark.parametrize("claim", ["emailVerified", "email_verified"])
@pytest.mark.parametrize("value", [True, False, None, ABSENT, 1, "true", [True], {}])
def test_an_address_is_verified_only_if_the_issuer_says_exactly_true(
    claim: str, value: object
) -> None:
    principal = to_principal(valid_claims(**{claim: value}), EXPIRES_AT)
    assert principal.email_verified is (value is True)


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_the_users_own_column_verifies_no_address(verified: object) -> None:
    claims = valid_claims(emailVerified=verified, email_verified=True)
    assert to_principal(claims, EXPIRES_AT).email_verified is False


@pytest.mark.parametrize("email", [ABSENT, None, "", 1, "\ud83d"])
def test_a_missing_address_is_never_verified(email: object) -> None:
    claims = valid_claims(email=email, emailVerified=True)
    assert to_principal(claims, EXPIRES_AT).email_verified is False


@pytest.mark.parametrize("banned", [True, 1, "true", "false", {}, []])
@pytest.mark.parametrize("ends", [ABSENT, None])
def test_rejects_users_who_may_be_banned(banned: object, ends: object) -> None:
    with pytest.raises(InactiveTokenError):
        to_principal(valid_claims(banned=banned, banExpires=ends), EXPIRES_AT)


@pytest.mark.parametrize(
    ("ends", "banned"),
    [
        ("2027-01-15T08:00:00.000Z", False),  # exactly now
        ("2027-01-15T08:00:00.001Z", True),
        ("2026-01-01T00:00:00.000Z", False),
        ("2027-01-15T10:00:00.000+02:00", False),
        ("2027-01-15T07:00:00.000-02:00", True),
        (NOW * 1000, False),
        (NOW * 1000 + 1, True),
        (NOW * 1000 - 0.5, False),
        (1, False),
        (10**400, True),
        *((value, True) for value in MALFORMED_TIMES),
        ("0001-01-01T00:00:00+23:59", True),
        ([1], True),
        ({"$date": 1}, True),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_ban_ends_at_its_expiry(ends: object, *, banned: bool) -> None:
    claims = valid_claims(banned=True, banExpires=ends)
    if banned:
        with pytest.raises(InactiveTokenError):
            to_principal(claims, EXPIRES_AT, clock=lambda: NOW)
    else:
        assert to_principal(claims, EXPIRES_AT, clock=lambda: NOW).user_id == "user-1"


@pytest.mark.parametrize("banned", [ABSENT, None, False, 0])
def test_accepts_users_who_are_not_banned(banned: object) -> None:
    assert to_principal(valid_claims(banned=banned), EXPIRES_AT).user_id == "user-1"


@pytest.mark.parametrize("verified", [True, False, None])
def test_a_user_column_named_scope_grants_no_scope(verified: object) -> None:
    claims = valid_claims(emailVerified=verified, scope="admin")
    assert to_principal(claims, EXPIRES_AT).scopes == frozenset()
