"""`GET /api/me` shows the principal."""

import pytest
from httpx2 import Client

from backend.domain.read_only import ReadOnlyMapping
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.conftest import ADA


def test_me_shows_all_that_is_known_about_the_caller(ada: Client) -> None:
    assert ada.get("/api/me").json() == {
        "user_id": "ada",
        "email": "ada@example.com",
        "email_verified": True,
        "name": "Ada Lovelace",
        "roles": ["admin", "user"],
        "scopes": ["todos:read", "todos:write"],
        "claims": {},
        "expires_at": "2026-03-04T06:06:07Z",
        "is_machine": False,
    }


def test_unknown_values_are_null_or_empty(bob: Client) -> None:
    assert bob.get("/api/me").json() == {
        "user_id": "bob",
        "email": None,
        "email_verified": False,
        "name": None,
        "roles": [],
        "scopes": [],
        "claims": {},
        "expires_at": "2026-03-04T06:06:07Z",
        "is_machine": False,
    }


def test_names_in_any_script_are_unchanged(ada: Client, verifier: FakeTokenVerifier) -> None:
    verifier.known["ada"] = ADA._replace(name="Ἀδα \U0001f600 <b>", email="a+b@example.com")
    body = ada.get("/api/me").json()
    assert (body["name"], body["email"]) == ("Ἀδα \U0001f600 <b>", "a+b@example.com")


def test_claims_are_shown_as_json(ada: Client, verifier: FakeTokenVerifier) -> None:
    claims = {"plan": "pro", "limits": {"todos": [1, {"a": None}], "é": {}}, "paid": False}
    verifier.known["ada"] = ADA._replace(claims=ReadOnlyMapping(claims))
    assert ada.get("/api/me").json()["claims"] == claims


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_772_600_767.25, "2026-03-04T05:06:07.250000Z"),
        (20_000_000_001, "2603-10-11T11:33:21Z"),
        (253_402_300_798, "9999-12-31T23:59:58Z"),
        (253_402_300_798.5, "9999-12-31T23:59:58.500000Z"),
    ],
)
def test_expires_at_is_a_date_in_any_year(
    ada: Client, verifier: FakeTokenVerifier, seconds: float, expected: str
) -> None:
    verifier.known["ada"] = ADA._replace(expires_at=seconds)
    assert ada.get("/api/me").json()["expires_at"] == expected


def test_anonymous_callers_get_401(anonymous: Client) -> None:
    assert anonymous.get("/api/me").json()["code"] == "missing_token"
