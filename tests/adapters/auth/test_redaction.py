"""Secrets are hidden by their shape, under any name. Values that operators need stay readable."""

import base64
import json
import random
import string
import time
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.redaction.values import OMITTED, REDACTED, quoted, redacted
from tests.adapters.auth.tokens import token

TOKEN = "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf"  # as Better Auth makes session tokens and user ids
HEX = "4affaaadb78c31c5da4b1b590d10ffbd"
BASE64URL = "zK3_vT9yLqX2bWmZ8cRfN-4fJ0uTXkYpVbW2mDq8sNc"
BASE64 = "q83/vT9yLqX2bWm+8cRfN/4fJ0uTXkYpVbW2mDq8sNc="
BASE32 = "JBSWY3DPEHPK3PXP"
LETTERS = "kzqwvtbnhgrplmxsdfjqkzwv"
SECRETS = [TOKEN, HEX, HEX.upper(), BASE64URL, BASE64, BASE32, LETTERS, token()]
NAMES = ["otp", "code", "jwt", "x", "note", "value", "session_id", "https://app.example.com/claim"]

SOURCE = random.Random(20)  # noqa: S311 - the same samples in every run
UUID = "01a1fb5f-f08e-7f5e-9cb6-2719083547c9"
READABLE: dict[str, Any] = {
    "sub": TOKEN,
    "id": HEX,
    "userId": TOKEN,
    "activeOrganizationId": TOKEN,
    "kid": BASE64URL,
    "iss": f"https://login.example.com/{UUID}/v2.0",
    "aud": [TOKEN, "1234567890-abcdefghijklmnop.apps.example.com", "https://api.example.com"],
    "azp": TOKEN,
    "email": "alice.a-very-long-name+newsletter2026@mail.example.com",
    "hidden_email": "x7k2p9qz4m3v8c1n@privaterelay.example.com",
    "name": "Kurt Schwarz-Kowalczyk",
    "family_name": "Schwarz",
    "nickname": "kschwarz",
    "organization": UUID,
    "groups": [UUID, str(uuid.UUID(int=7)), "administrators", "my-organization/readers-of-reports"],
    "roles": ["HR", "IT", "QA", "DEV", "OPS", "CTO", "SuperAdministrator", "BILLING_MANAGER"],
    "amr": ["pwd", "mfa", "hwk"],
    "scope": "openid profile email todos:write offline_access",
    "createdAt": "2026-11-30T12:33:40.000Z",
    "updatedAt": "Mon, 30 Nov 2026 12:33:40 GMT",
    "compact": "20261130T123340Z",
    "birthday": "1815-12-10",
    "picture": "https://cdn.example.com/avatars/alice/profile-picture.png?size=256",
    "locale": "de-DE",
    "zone": "America/Argentina/Buenos_Aires",
    "phone": "+4915112345678",
    "google": "113456789012345678901",
    "number": 1_800_000_000_123,
    "snowflake": 1_234_567_890_123_456_789,
    "share": 0.123456789012345,
    "flag": True,
    "nothing": None,
    "ipAddress": "2001:db8:85a3::8a2e:370:7334",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    "typ": "better-auth.session-cache+jwt",
    "short": "a1b2c3d4",
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: [s], lambda s: {"a": [{"b": s}]}])
def test_a_long_random_string_is_hidden_under_any_name(secret: str, name: str, wrap: Any) -> None:
    shown = json.dumps(redacted({name: wrap(secret), "sub": "user-1"}))
    assert secret not in shown
    assert REDACTED in shown


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "text",
    [
        "Bearer {}",
        "token={};",
        "the value is '{}'.",
        "={}=",
        "prefix_{}_suffix",
        "https://app.example.com/reset?x={}&y=1",
        f"https://app.example.com/{'a-long-path-of-many-words/' * 5}{{}}",
    ],
)
def test_a_long_random_string_is_hidden_within_text(secret: str, text: str) -> None:
    assert secret not in str(redacted({"note": text.format(secret)}))


def test_a_random_string_is_hidden_as_a_name_and_as_a_value_without_a_name() -> None:
    assert TOKEN not in json.dumps(redacted({TOKEN: True}))
    assert TOKEN not in quoted(TOKEN)
    assert TOKEN not in quoted([TOKEN])


@pytest.mark.parametrize("name", ["sub", "kid", "aud", "iss", "id", "email"])
def test_a_token_is_hidden_even_as_an_identifier(name: str) -> None:
    for secret in (token(), f"{TOKEN}.{BASE64}", f"Bearer {token()}", TOKEN * 3):
        shown = quoted({name: [secret]})
        assert secret not in shown
        assert TOKEN not in shown
        assert quoted(secret, name=name) == f'"{REDACTED}"'


def test_a_secret_that_is_split_over_names_or_items_is_hidden() -> None:
    halves = {"first": TOKEN[:16], "second": TOKEN[16:]}
    quarters = {"a": {"x": TOKEN[:8]}, "b": [{"y": TOKEN[8:16]}], "c": TOKEN[16:24]}
    codes = ["Ab3dE-9xYz1", "K7dX2-9qPm4", "u8Vw1-Z5tRq"]
    for split in (halves, quarters, codes):
        shown = json.dumps(redacted(split))
        pieces = [piece for piece in json.dumps(split).split('"') if len(piece) >= 8]
        assert pieces
        assert [piece for piece in pieces if piece in shown and not piece.isalpha()] == []


def test_bytes_are_hidden() -> None:
    data = list(range(100, 132))
    assert redacted({"key": data}) == {"key": REDACTED}
    assert redacted({"key": {str(index): byte for index, byte in enumerate(data)}}) == {
        "key": REDACTED
    }
    assert redacted({"key": "4a:ff:" * 16 + "00"}) == {"key": REDACTED}
    assert redacted({"number": 10**40}) == {"number": REDACTED}
    assert redacted({"scores": [1, 2, 3]}) == {"scores": [1, 2, 3]}


def test_the_password_in_a_url_is_hidden() -> None:
    shown = quoted({"database": "postgresql://alice:hunter2@db.example.com/todos"})
    assert "hunter2" not in shown
    assert "db.example.com/todos" in shown


def test_a_picture_keeps_its_media_type_only() -> None:
    picture = base64.b64encode(SOURCE.randbytes(9_000)).decode()
    shown = redacted({"image": f"data:image/png;base64,{picture}"})
    assert shown == {"image": f"data:image/png;base64,{REDACTED}"}


def test_values_that_operators_need_stay_readable() -> None:
    assert redacted(READABLE) == READABLE


@pytest.mark.parametrize("name", ["otp", "code", "pin", "password", "access_token", "Api-Key"])
def test_a_name_that_suggests_a_secret_hides_any_value(name: str) -> None:
    for value in (123456, "short", ["a", {"b": "c"}], None):
        assert redacted({name: value}) == {name: REDACTED}


def test_a_deeply_nested_value_can_be_quoted() -> None:
    value: Any = "deep"
    for _ in range(900):
        value = [value]
    assert OMITTED in quoted(value)


def test_nested_values_are_kept_down_to_a_depth() -> None:
    value: Any = "deep"
    for _ in range(100):
        value = {"a": [value]}
    assert OMITTED in json.dumps(redacted(value))


@pytest.mark.parametrize(
    "alphabet",
    [
        string.ascii_letters + string.digits,
        string.hexdigits.lower()[:16],
        string.ascii_letters + string.digits + "-_",
        string.ascii_uppercase + "234567",
        string.ascii_lowercase,
        string.ascii_lowercase + string.digits,
    ],
)
def test_nearly_every_random_string_of_32_characters_is_hidden(alphabet: str) -> None:
    texts = ["".join(SOURCE.choices(alphabet, k=32)) for _ in range(2_000)]
    shown = [text for text in texts if redacted({"x": text}) != {"x": REDACTED}]
    assert len(shown) <= 4, shown


@pytest.mark.parametrize("length", [20, 32])
@pytest.mark.parametrize("marks", ["!@#$%^&*()", string.punctuation])
def test_most_passwords_with_punctuation_are_hidden(length: int, marks: str) -> None:
    alphabet = string.ascii_letters + string.digits + marks
    texts = ["".join(SOURCE.choices(alphabet, k=length)) for _ in range(1_000)]
    assert sum(redacted({"x": text})["x"] == text for text in texts) < 200


def test_punctuation_between_words_is_not_taken_for_a_password() -> None:
    for text in (
        "O'Brien-O'Neill-Smith",
        "(administrators|readers)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36",
        "https://app.example.com/x?page=1&size=20&sort=name",
        '{"plan":"pro","seats":5,"trial":true}',
    ):
        assert redacted({"x": text}) == {"x": text}


@given(st.binary(min_size=32, max_size=48))
def test_redaction_of_any_bytes_in_base64_ends(data: bytes) -> None:
    text = base64.urlsafe_b64encode(data).decode()
    assert isinstance(redacted({"x": text})["x"], str)


def test_a_message_shows_the_beginning_of_a_value_and_costs_no_more() -> None:
    for value in ("word " * 100_000, ["a1b2c3"] * 100_000, {"x": ["a1b2c3 " * 100_000]}):
        started = time.perf_counter()
        assert len(quoted(value, name="aud")) < 250
        assert time.perf_counter() - started < 0.1


def test_long_values_take_linear_time() -> None:
    for text in (
        "a" * 200_000,
        "eyJ" * 60_000,
        "a@" * 99_999,
        "a-" * 100_000,
        "4a:" * 60_000,
        "eyJ." * 50_000,
        "://" * 60_000,
        "a! " * 60_000,
        "!1aA" * 50_000,
    ):
        redacted({"x": text})
