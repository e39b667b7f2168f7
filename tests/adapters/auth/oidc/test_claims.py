"""Claims of an OpenID Connect issuer: names, JSON Pointers, and values of the wrong type."""

from typing import Any

import pytest

from backend.adapters.auth.oidc.claims import ClaimMapping, find, path_of, principal_mapping
from backend.domain.auth import (
    InvalidClaimError,
    MissingClaimError,
    Principal,
    UnsupportedTokenError,
)

END = 2_000_000_000.0
CLAIMS = {
    "sub": "user-1",
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada",
    "scope": "todos:read todos:write",
}


def principal(claims: dict[str, Any], *names: str, **mapping: str) -> Principal:
    return principal_mapping(ClaimMapping(**mapping), names)(claims, END)


def test_the_standard_claims_are_the_default() -> None:
    assert principal(CLAIMS) == Principal(
        user_id="user-1",
        expires_at=END,
        email="ada@example.com",
        name="Ada",
        scopes=frozenset({"todos:read", "todos:write"}),
        email_verified=True,
    )
    assert principal({"sub": "user-1"}) == Principal("user-1", END)


@pytest.mark.parametrize(
    ("name", "claims", "expected"),
    [
        ("roles", {"roles": 1}, 1),
        ("https://example.com/roles", {"https://example.com/roles": 1}, 1),
        ("a/b", {"a/b": 1, "a": {"b": 2}}, 1),
        ("/a/b", {"a/b": 1, "a": {"b": 2}}, 2),
        ("/a~1b", {"a/b": 1}, 1),
        ("/a~0b", {"a~b": 1}, 1),
        ("/a~01", {"a~1": 1, "a/": 2}, 1),
        ("/a//b", {"a": {"": {"b": 1}}}, 1),
        ("/a/0", {"a": [1]}, None),
        ("/a/b/c", {"a": {"b": "text"}}, None),
        ("/a/b", {}, None),
        ("/a/b", {"a": None}, None),
        *((f"/a/{name}", {"a": {}}, None) for name in ("__class__", "__proto__", "constructor")),
        ("keys", {}, None),
        ("/a/get", {"a": {"b": 1}}, None),
    ],
)
def test_a_slash_at_the_beginning_makes_a_json_pointer(
    name: str, claims: dict[str, Any], expected: object
) -> None:
    assert find(claims, path_of(name)) == expected


def test_the_user_id_may_be_inside_of_another_claim() -> None:
    claims = {**CLAIMS, "user": {"id": "user-2", "sub": "user-3"}}
    assert principal(claims, user_id="/user/id").user_id == "user-2"
    assert principal(claims).user_id == "user-1"


@pytest.mark.parametrize("value", [None, {}])
def test_a_missing_user_id_is_refused(value: object) -> None:
    with pytest.raises(MissingClaimError) as caught:
        principal({**CLAIMS, "user": value}, user_id="/user/id")
    assert caught.value.claim == "/user/id"


@pytest.mark.parametrize("value", ["", " a", "a\n", 1, True, ["a"], {"a": 1}, "x" * 256, "\ud800"])
def test_an_invalid_user_id_is_refused(value: object) -> None:
    with pytest.raises(InvalidClaimError):
        principal({**CLAIMS, "oid": value}, user_id="oid")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a", "b"], {"a", "b"}),
        ("a, b", {"a", "b"}),
        ([], set()),
        (["a", 1], set()),
        ({"a": True}, set()),
        (True, set()),
        (None, set()),
    ],
)
def test_roles_are_a_list_or_a_text_with_commas(value: object, expected: set[str]) -> None:
    claims = {**CLAIMS, "realm_access": {"roles": value}}
    assert principal(claims, roles="/realm_access/roles").roles == expected


def test_no_claim_has_the_roles_by_default() -> None:
    assert principal({**CLAIMS, "role": "admin", "roles": ["admin"], "": "admin"}).roles == set()


@pytest.mark.parametrize("value", ["todos:read openid", ["todos:read", "openid"]])
def test_scopes_are_a_list_or_a_text_with_spaces(value: object) -> None:
    assert principal({**CLAIMS, "scp": value}, scopes="scp").scopes == {"todos:read", "openid"}


@pytest.mark.parametrize("value", [False, None, "true", "false", 1, [True]])
def test_only_true_verifies_an_address(value: object) -> None:
    assert not principal({**CLAIMS, "email_verified": value}).email_verified


def test_a_missing_address_is_not_verified() -> None:
    assert not principal({**CLAIMS, "email": ""}).email_verified


def test_further_claims_may_be_named_by_pointers() -> None:
    claims = {**CLAIMS, "o": {"id": "org-1"}, "plan": "pro"}
    assert principal(claims, "/o/id", "plan", "/o/rol").claims == {"/o/id": "org-1", "plan": "pro"}


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": "Offline"},
        {"typ": "Logout"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"events": None},
    ],
)
def test_other_tokens_of_the_issuer_are_not_access_tokens(changes: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedTokenError):
        principal({**CLAIMS, **changes})


@pytest.mark.parametrize("typ", ["Bearer", "DPoP", "something", 1, None, ["ID"]])
def test_any_other_typ_of_the_payload_is_accepted(typ: object) -> None:
    assert principal({**CLAIMS, "typ": typ}).user_id == "user-1"
