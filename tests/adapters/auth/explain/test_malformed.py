"""Text that is not a JWT is recognized, and the remedy names the right token."""

import pytest

from backend.adapters.auth.explain.malformed import long_token_remedy, malformed_token_remedy
from backend.testing.encoding import b64
from tests.adapters.auth.tokens import token

SIGNED = token()
SESSION_TOKEN = "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf"
COMPACT_COOKIE = b64(b'{"session":{"session":{},"user":{}}}')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SESSION_TOKEN, "a session token of Better Auth"),
        (SESSION_TOKEN, "requested without `resource`"),
        (f"{SESSION_TOKEN}.{'a' * 43}=", "a session token of Better Auth"),
        (f"{SESSION_TOKEN}.{'a%2B' * 10}%3D", "a session token of Better Auth"),
        (f"better-auth.session_token={SESSION_TOKEN}", "a cookie"),
        (f"__Secure-better-auth.session_data={SIGNED}; a=b", "a cookie"),
        (COMPACT_COOKIE, "AUTH_COOKIE=compact"),
        ("eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc", "AUTH_COOKIE=jwe"),
        ("gJ7s0dA-_opaque+token/", "opaque"),
        (f"Bearer {SIGNED}", "no `Bearer`"),
        (f"Authorization: Bearer {SIGNED}", "no `Bearer`"),
        (f'"{SIGNED}"', "no quotes"),
        (f"{SIGNED}'", "no quotes"),
        (SIGNED.replace(".", "\n."), "no whitespace"),
        (f'{{"token":"{SIGNED}"}}', "its member `token`"),
        ("undefined", "no token yet"),
        ("null", "no token yet"),
        ("[object Object]", "no token yet"),
        ("${TOKEN}", "no token yet"),
        ("<your token>", "no token yet"),
        (SIGNED.rpartition(".")[0], "cut short"),
        (f"{SIGNED}.x", "cut short"),
        ("", "cut short"),
        (f"{SIGNED}=", "it was changed"),
        ("e30.e30.AAAA/+==", "it was changed"),
        (f"e30.{'A' * 20_000}.AAAA", "`definePayload`"),
        ("\ufffd\x00\ufffd", "only ASCII characters"),
        ("ключ", "only ASCII characters"),
    ],
)
def test_recognizes_text_that_is_not_a_jwt(text: str, words: str) -> None:
    remedy = malformed_token_remedy(text)
    assert words in remedy
    assert SIGNED not in remedy
    assert SESSION_TOKEN not in remedy


def test_a_token_that_is_too_long_gets_the_setting_and_its_value() -> None:
    long = f"e30.{'A' * 3000}.AAAA"
    assert "AUTH_TOKEN_MAX_BYTES, which is 2048 here" in malformed_token_remedy(
        long, max_length=2048
    )
    assert "AUTH_TOKEN_MAX_BYTES" not in malformed_token_remedy(long)


def test_a_long_token_that_is_accepted_gets_advice() -> None:
    assert long_token_remedy("a" * 8000, max_length=16_384) is None
    remedy = long_token_remedy("a" * 8001, max_length=16_384) or ""
    assert "`definePayload`" in remedy
    assert "AUTH_TOKEN_MAX_BYTES is 16384 here" in remedy


def test_a_cookie_of_the_accepted_strategy_needs_no_setting() -> None:
    jwe_cookie = "e30..AAAA.AAAA.AAAA"
    assert "AUTH_COOKIE" not in malformed_token_remedy(COMPACT_COOKIE, "compact")
    assert "AUTH_COOKIE" not in malformed_token_remedy(jwe_cookie, "jwe")
    assert "AUTH_COOKIE=jwe" in malformed_token_remedy(jwe_cookie, "compact")
