"""Better Auth's dialect: what follows from its URL, and what its claims say."""

import pytest

from backend.adapters.auth.better_auth.tokens import BetterAuthUrls, to_principal
from backend.domain.auth import InactiveTokenError, InvalidClaimError
from tests.adapters.auth.tokens import ABSENT, some_claims

END = 1_893_456_000


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
def test_derives_the_origin_and_the_key_set_from_the_base_url(
    base_url: str, origin: str, jwks: str
) -> None:
    assert BetterAuthUrls.of(base_url) == BetterAuthUrls(origin=origin, jwks=jwks)


def test_reads_a_principal() -> None:
    claims = some_claims(role="admin, editor,,", scope="todos:read  todos:write", id="another")
    principal = to_principal(claims, END)
    assert principal.user_id == "user-1"
    assert principal.expires_at == END
    assert principal.email == "alice@example.com"
    assert principal.name == "Alice"
    assert principal.roles == {"admin", "editor"}
    assert principal.scopes == {"todos:read", "todos:write"}


@pytest.mark.parametrize("nothing", [ABSENT, None, ""])
def test_what_the_issuer_does_not_disclose_is_unknown(nothing: object) -> None:
    claims = some_claims(email=nothing, name=nothing, role=nothing, scope=nothing)
    principal = to_principal(claims, END)
    assert (principal.email, principal.name) == (None, None)
    assert (principal.roles, principal.scopes) == (frozenset(), frozenset())


@pytest.mark.parametrize("claim", ["email", "name", "role", "scope"])
@pytest.mark.parametrize("value", [1, True, False, 0, [], ["admin"], {}])
def test_refuses_a_claim_of_the_wrong_type(claim: str, value: object) -> None:
    with pytest.raises(InvalidClaimError, match=claim):
        to_principal(some_claims(**{claim: value}), END)


@pytest.mark.parametrize("banned", [True, 1, "true", "false", {}, []])
def test_refuses_a_user_unless_it_is_clear_that_they_are_not_banned(banned: object) -> None:
    with pytest.raises(InactiveTokenError):
        to_principal(some_claims(banned=banned), END)


@pytest.mark.parametrize("banned", [ABSENT, None, False, 0])
def test_accepts_a_user_who_is_not_banned(banned: object) -> None:
    assert to_principal(some_claims(banned=banned), END).user_id == "user-1"


@pytest.mark.parametrize("verified", [True, False, None])
def test_a_column_of_the_users_own_row_grants_no_scope(verified: object) -> None:
    claims = some_claims(emailVerified=verified, scope="admin")
    assert to_principal(claims, END).scopes == frozenset()
