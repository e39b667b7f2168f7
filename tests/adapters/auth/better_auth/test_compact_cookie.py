"""Session cookies in the compact format."""

import base64
import json
from collections.abc import Callable

import pytest

from backend.adapters.auth.better_auth.cookie_formats import COOKIE_MAX_LENGTH
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidSignatureError,
    MalformedTokenError,
)
from backend.testing.encoding import b64, to_json
from backend.testing.session_cookies import SESSION_TOKEN
from tests.adapters.auth.cookies import (
    COOKIE_EXPIRY,
    FORMATS,
    assert_cookie_rejected,
    compact_cookie,
    jwt_cookie,
    session_data,
    verify_cookie,
)
from tests.adapters.auth.tokens import SECRET, secret_signer

pytestmark = pytest.mark.anyio

COMPACT = FORMATS["compact"]


def sign(text: bytes) -> str:
    return b64(secret_signer(SECRET).sign(text))


def join_parts(session: bytes, end: bytes, signature: str) -> str:
    text = b'{"session":%b,"expiresAt":%b,"signature":"%b"}'
    return b64(text % (session, end, signature.encode()))


EXTRA_MEMBERS = {
    "numbers in other notations": b'"a":1.0,"b":1e21,"c":1E+2,"d":-0,"e":0.1e-6',
    "escapes": rb'"a":"\u00e9\/\ud83d\ude00\u2028","b":"\u0041","\u0063":"\u007f"',
    "characters beyond ASCII": '"a":"é€😀\u2028","ü":"\u007f"'.encode(),
    "names with a meaning in JavaScript": b'"__proto__":{"id":"x"},"constructor":1,"toJSON":2',
    "unsorted keys": b'"9":1,"b":2,"1":3,"a":4,"":5',
    "whitespace": b' "a" :\n[ 1 ,\t2 ] ',
    "the end of the session within a string": b'"a":"},\\"expiresAt\\":1","b":"},"',
    "names of the cookie": b'"a":{"b":{"session":{}},"expiresAt":1},"c":[{"signature":"x"}]',
    "a signature within a string": b'"a":"},\\"expiresAt\\":1,\\"signature\\":\\"'
    + b"A" * 43
    + b'\\"}"',
}


@pytest.mark.parametrize(
    ("milliseconds", "error"),
    [
        *((value, MalformedTokenError) for value in (b"1e15", b"-1", b"1.5", b'"1"', b"null", b"")),
        *((value, MalformedTokenError) for value in (b"1800000300000 ", b"01", b"1" * 16)),
        (b"9" * 15, InvalidClaimError),
        (b"0", ExpiredTokenError),
    ],
)
async def test_the_compact_expiry_is_an_integer_in_milliseconds(
    milliseconds: bytes, error: type[AuthError]
) -> None:
    session = to_json(session_data())
    signed = session[:-1] + b',"expiresAt":' + milliseconds + b"}"
    await assert_cookie_rejected(error, COMPACT, join_parts(session, milliseconds, sign(signed)))


@pytest.mark.parametrize("extra", EXTRA_MEMBERS.values(), ids=EXTRA_MEMBERS)
async def test_verifies_the_exact_text_that_was_signed(extra: bytes) -> None:
    plain = to_json(session_data())
    for session in (plain[:-1] + b"," + extra + b"}", b"{" + extra + b"," + plain[1:]):
        text = compact_cookie(session)
        assert (await verify_cookie(COMPACT, text)).user_id == "user-1"
        changed = session.replace(b"alice@", b"malice@")
        end = b"%d" % (COOKIE_EXPIRY * 1000)
        signature = sign(session[:-1] + b',"expiresAt":' + end + b"}")
        assert join_parts(session, end, signature) == text
        await assert_cookie_rejected(
            InvalidSignatureError, COMPACT, join_parts(changed, end, signature)
        )


async def test_the_expiry_of_a_compact_cookie_is_signed() -> None:
    session = to_json(session_data())
    signature = sign(session[:-1] + b',"expiresAt":%d}' % (COOKIE_EXPIRY * 1000))
    later = b"%d" % (COOKIE_EXPIRY * 1000 + 1)
    await assert_cookie_rejected(
        InvalidSignatureError, COMPACT, join_parts(session, later, signature)
    )


async def test_rejects_the_signature_of_another_text() -> None:
    session, end = to_json(session_data()), b"%d" % (COOKIE_EXPIRY * 1000)
    signed = session[:-1] + b',"expiresAt":' + end + b"}"
    other_texts = [
        session,
        b"",
        end,
        SESSION_TOKEN.encode(),
        signed + b"\n",
        signed[:-1],
        b'{"session":%b,"expiresAt":%b}' % (session, end),
        b'{"expiresAt":%b,%b' % (end, session[1:]),
        b64(signed).encode(),
        json.dumps(json.loads(signed)).encode(),
    ]
    for other in other_texts:
        text = join_parts(session, end, sign(other))
        await assert_cookie_rejected(InvalidSignatureError, COMPACT, text)
    await verify_cookie(COMPACT, join_parts(session, end, sign(signed)))


async def test_rejects_the_signature_of_a_jwt_in_a_compact_cookie() -> None:
    signing_input, _, signature = jwt_cookie().rpartition(".")
    session = to_json(session_data())
    text = join_parts(session, b"%d" % (COOKIE_EXPIRY * 1000), signature)
    await assert_cookie_rejected(InvalidSignatureError, COMPACT, text)
    forged = join_parts(signing_input.encode(), b"1", signature)
    await assert_cookie_rejected(MalformedTokenError, COMPACT, forged)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'{"session":', b'{ "session":'),
        lambda text: text.replace(b'{"session":', b'{"x":1,"session":'),
        lambda text: text.replace(b',"signature"', b', "signature"'),
        lambda text: text.replace(b',"expiresAt":18', b',"expiresAt": 18'),
        lambda text: text + b"\n",
        lambda text: b" " + text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text[:-2] + b'=="}',
        lambda text: text[:-3] + b'"}',
        lambda text: text[:-1] + b',"x":1}',
        lambda text: text[:-1] + b',"signature":"x"}',
        lambda text: text.replace(b"signature", b"Signature"),
        lambda text: text[1:],
        lambda text: b"",
        lambda text: b"null",
        lambda text: b"[" + text + b"]",
        lambda text: text.decode().encode("utf-16"),
    ],
)
async def test_rejects_other_spellings_of_a_compact_cookie(
    change: Callable[[bytes], bytes],
) -> None:
    text = base64.urlsafe_b64decode(compact_cookie() + "==")
    assert b64(text) == compact_cookie()
    await assert_cookie_rejected(MalformedTokenError, COMPACT, b64(change(text)))


@pytest.mark.parametrize(
    "session",
    [
        b'{"user":1,"user":2}',
        b"{}",
        b"{x}",
        b'{"expiresAt":1}',
        b'{"a":"\\ud800","a":1}',
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_rejects_signed_text_that_is_not_strict_json(session: bytes) -> None:
    signed = session[:-1] + b',"expiresAt":1}'
    await assert_cookie_rejected(
        MalformedTokenError, COMPACT, join_parts(session, b"1", sign(signed))
    )


@pytest.mark.parametrize(
    "signature", [sign(b"x")[:-1], sign(b"x") + "A", sign(b"x")[:-1] + "B", "", "A" * 42 + "="]
)
async def test_rejects_signatures_of_another_length_or_spelling(signature: str) -> None:
    text = compact_cookie(signature=signature)
    await assert_cookie_rejected(MalformedTokenError, COMPACT, text)


async def test_rejects_text_with_many_possible_matches_quickly() -> None:
    candidate = b'},"expiresAt":1'
    count = (COOKIE_MAX_LENGTH - 200) * 3 // 4 // len(candidate)
    text = b64(b'{"session":{' + candidate * count)
    await assert_cookie_rejected(MalformedTokenError, COMPACT, text)
