"""Better Auth's URLs, and the mapping of its claims to a principal."""

import pytest

from backend.adapters.auth.better_auth.tokens import BetterAuthUrls, to_principal
from backend.domain.auth import InactiveTokenError, InvalidClaimError
from tests.adapters.auth.tokens import ABSENT, valid_claims

EXPIRES_AT = 1_893_456_000


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
        (
            "HTTPS://APP.Example.com:443",
            "https://app.example.com",
            "https://app.example.com/api/auth/jwks",
        ),
        ("http://localhost:3000", "http://localhost:3000", "http://localhost:3000/api/auth/jwks"),
        ("http://localhost:80", "http://localhost", "http://localhost/api/auth/jwks"),
        ("https://h:80", "https://h:80", "https://h:80/api/auth/jwks"),
        ("http://[::1]:3000/", "http://[::1]:3000", "http://[::1]:3000/api/auth/jwks"),
        (
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example/api/auth/jwks",
        ),
    ],
)
def test_derives_the_origin_and_the_jwks_url_from_the_base_url(
    base_url: str, origin: str, jwks: str
) -> None:
    assert BetterAuthUrls.from_base_url(base_url) == BetterAuthUrls(origin=origin, jwks=jwks)


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


@pytest.mark.parametrize("claim", ["email", "name", "role", "scope"])
@pytest.mark.parametrize("value", [1, True, False, 0, [], ["admin"], {}])
def test_rejects_claims_of_the_wrong_type(claim: str, value: object) -> None:
    with pytest.raises(InvalidClaimError, match=claim):
        to_principal(valid_claims(**{claim: value}), EXPIRES_AT)


@pytest.mark.parametrize("banned", [True, 1, "true", "false", {}, []])
def test_rejects_users_who_may_be_banned(banned: object) -> None:
    with pytest.raises(InactiveTokenError):
        to_principal(valid_claims(banned=banned), EXPIRES_AT)


@pytest.mark.parametrize("banned", [ABSENT, None, False, 0])
def test_accepts_users_who_are_not_banned(banned: object) -> None:
    assert to_principal(valid_claims(banned=banned), EXPIRES_AT).user_id == "user-1"


@pytest.mark.parametrize("verified", [True, False, None])
def test_a_user_column_named_scope_grants_no_scope(verified: object) -> None:
    claims = valid_claims(emailVerified=verified, scope="admin")
    assert to_principal(claims, EXPIRES_AT).scopes == frozenset()
