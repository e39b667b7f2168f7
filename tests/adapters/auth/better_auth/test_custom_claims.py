"""The claims of `AUTH_CLAIMS`: where they come from, and which values are accepted."""

import copy
import json
import logging
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic_core import to_json

from backend.adapters.auth.better_auth.custom_claims import with_claims
from backend.adapters.auth.better_auth.tokens import to_principal
from backend.domain.auth import InactiveTokenError, Principal
from backend.domain.read_only import EMPTY, plain
from tests.adapters.auth.cookies import Format, session_data, verify_cookie
from tests.adapters.auth.tokens import valid_claims

EXPIRES_AT = 1_893_456_000
MARK = "confidential"


def nested(depth: int, value: object = 1) -> object:
    """Put a value into lists and objects, which alternate."""
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def principal_of(claims: dict[str, Any], names: Sequence[str]) -> Principal:
    return with_claims(to_principal, names)(claims, EXPIRES_AT)


def claims_of(payload: dict[str, Any], *names: str) -> object:
    return plain(principal_of(valid_claims(**payload), names).claims)


def test_nothing_is_added_to_the_mapping_without_names() -> None:
    assert with_claims(to_principal, ()) is to_principal
    assert to_principal(valid_claims(plan="pro"), EXPIRES_AT).claims is EMPTY


def test_only_the_named_claims_are_selected() -> None:
    payload = {"plan": "pro", "seats": 5, "other": 1, "limits": {"a": [1, None]}, "paid": False}
    assert claims_of(payload, "limits", "plan", "seats", "paid", "missing") == {
        "limits": {"a": [1, None]},
        "plan": "pro",
        "seats": 5,
        "paid": False,
    }


def test_all_other_fields_are_those_of_a_principal_without_claims() -> None:
    claims = valid_claims(role="admin", plan="pro", scope="todos:read", email_verified=True)
    principal = principal_of(claims, ["plan"])
    assert principal._replace(claims=EMPTY) == to_principal(claims, EXPIRES_AT)
    with pytest.raises(InactiveTokenError):
        principal_of(valid_claims(banned=True), ["plan"])


@pytest.mark.parametrize("value", ["", 0, False, [], {}])
def test_empty_values_are_kept_and_null_is_missing(value: object) -> None:
    assert claims_of({"plan": value, "seats": None}, "plan", "seats") == {"plan": value}


def test_the_user_and_session_of_a_payload_are_searched() -> None:
    payload = {
        "plan": "of the payload",
        "user": {"plan": "of the user", "team": "of the user", "image": "x"},
        "session": {"team": "of the session", "activeOrganizationId": "org-1", "plan": "x"},
    }
    assert claims_of(payload, "plan", "team", "image", "activeOrganizationId") == {
        "plan": "of the payload",
        "team": "of the user",
        "image": "x",
        "activeOrganizationId": "org-1",
    }


def test_columns_named_user_and_session_are_not_searched() -> None:
    objects = {"user": {"plan": "pro"}, "session": {"activeOrganizationId": "org-1"}}
    payload = {"emailVerified": False, **objects}
    assert claims_of(payload, "plan", "activeOrganizationId") == {}


def test_the_session_of_a_payload_is_not_searched_for_claims_of_the_user() -> None:
    session = {"token": MARK, "role": "admin", "email": "x@y.z", "plan": "pro"}
    assert claims_of({"session": session, "email": None}, "token", "role", "plan", "email") == {
        "plan": "pro"
    }


@pytest.mark.parametrize("value", ["x", 1, None, [{"plan": "pro"}], True])
def test_a_user_or_session_that_is_not_an_object_is_ignored(value: object) -> None:
    assert claims_of({"user": value, "session": value}, "plan") == {}


@pytest.mark.parametrize(
    "value",
    [
        f"{MARK}\ud83d",
        "\udc00",
        [MARK, "\ud83d"],
        {"a": [{"b": "\ud83d"}]},
        {"\ud83d": MARK},
        nested(16),
        nested(250),
        [MARK] * 1000,
        {str(number): MARK for number in range(500)},
        [[MARK] * 400] * 3,
    ],
    ids=lambda value: repr(value)[:30],
)
def test_values_that_could_break_a_reader_are_ignored_and_logged(
    value: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert claims_of({"plan": "pro", "bio": value}, "bio", "plan") == {"plan": "pro"}
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert "the claim bio is ignored" in record.getMessage()
    assert MARK not in record.getMessage()


@pytest.mark.parametrize(
    "value",
    ["x" * 30_000, nested(15), [1] * 999, {"é \U0001f600": 1}, -1.5, 10**4000, {"a": {}, "b": []}],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) else "number",
)
def test_all_other_values_can_be_read_serialized_and_copied(value: object) -> None:
    principal = principal_of(valid_claims(bio=value), ["bio"])
    claims = plain(principal.claims)
    assert claims == {"bio": value}
    assert json.loads(to_json(claims)) == json.loads(json.dumps(claims)) == claims
    restored = pickle.loads(pickle.dumps(principal))  # noqa: S301 - pickled by this test
    assert restored == copy.deepcopy(principal) == principal
    assert hash(principal) == hash(copy.deepcopy(principal))
    assert str(principal)


@pytest.mark.anyio
async def test_a_cookie_is_searched_for_a_claim_first_in_the_user_then_in_the_session(
    cookie_format: Format,
) -> None:
    user = {"plan": "of the user", "limits": {"todos": [5]}, "empty": None}
    session = {"plan": "of the session", "activeOrganizationId": "org-1", "empty": "x"}
    text = cookie_format.make(session_data(user=user, session=session))
    names = ["plan", "limits", "activeOrganizationId", "empty", "impersonatedBy", "role", "token"]
    principal = await verify_cookie(
        cookie_format, text, to_principal=with_claims(to_principal, names)
    )
    assert plain(principal.claims) == {
        "plan": "of the user",
        "limits": {"todos": [5]},
        "activeOrganizationId": "org-1",
    }


@pytest.mark.anyio
async def test_columns_of_a_cookies_user_named_user_and_session_are_not_searched(
    cookie_format: Format,
) -> None:
    columns = {"user": {"plan": "pro"}, "session": {"activeOrganizationId": "org-1"}}
    text = cookie_format.make(session_data(user=columns))
    mapping = with_claims(to_principal, ["plan", "activeOrganizationId"])
    assert (await verify_cookie(cookie_format, text, to_principal=mapping)).claims == {}
