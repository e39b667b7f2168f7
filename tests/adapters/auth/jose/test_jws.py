"""Each token has exactly one accepted encoding. Everything else is malformed."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.adapters.auth.jose.jws import (
    TOKEN_MAX_LENGTH,
    decode_base64url,
    decode_object,
    load_object,
    parse_compact,
)
from backend.domain.auth import MalformedTokenError
from backend.testing.encoding import b64, to_json

HEADER = b64(b'{"alg":"EdDSA"}')
PAYLOAD = b64(b'{"sub":"user-1"}')


def test_splits_a_token() -> None:
    header, payload, signing_input, signature = parse_compact(f"{HEADER}.{PAYLOAD}.{b64(b's')}")
    assert header == HEADER.encode()
    assert payload == PAYLOAD.encode()
    assert signing_input == f"{HEADER}.{PAYLOAD}".encode()
    assert signature == b"s"


def test_decodes_neither_the_header_nor_the_payload() -> None:
    header, payload, *_ = parse_compact(f"not*base64.nor*this.{b64(b's')}")
    assert (header, payload) == (b"not*base64", b"nor*this")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        HEADER,
        f"{HEADER}.{PAYLOAD}",
        f"{HEADER}.{PAYLOAD}.",
        f".{PAYLOAD}.AAAA",
        f"{HEADER}.{PAYLOAD}.AAAA.",
        f"{HEADER}.{PAYLOAD}.AAAA.AAAA",
        f"{HEADER}.AAAA.{PAYLOAD}.AAAA.AAAA",  # a JWE has five segments
        f".{HEADER}.{PAYLOAD}.AAAA",
        f" {HEADER}.{PAYLOAD}.AAAA",
        f"{HEADER}.{PAYLOAD}.AAAA ",
        f"{HEADER}.{PAYLOAD}.AAAA\n",
        f"{HEADER}.{PAYLOAD}.AAAÄ",
        f"{HEADER}.{PAYLOAD}Ä.AAAA",
        f"{HEADER}.{PAYLOAD}.\ud800AAA",
        f"{HEADER}。{PAYLOAD}。AAAA",
        f"Bearer {HEADER}.{PAYLOAD}.AAAA",
        json.dumps({"protected": HEADER, "payload": PAYLOAD, "signature": "AAAA"}),
    ],
)
def test_rejects_a_token_that_is_not_three_segments_with_a_header(text: str) -> None:
    with pytest.raises(MalformedTokenError):
        decode_object(parse_compact(text)[0])


def test_accepts_a_token_of_the_maximum_length() -> None:
    start = f"{HEADER}.{PAYLOAD}."
    room = TOKEN_MAX_LENGTH - len(start)
    parse_compact(start + "A" * (room - room % 4))


def test_rejects_a_longer_token_before_decoding() -> None:
    with pytest.raises(MalformedTokenError, match="longer than 16384"):
        parse_compact("*" * (TOKEN_MAX_LENGTH + 1))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=70))
def test_decodes_encoded_bytes(data: bytes) -> None:
    assert decode_base64url(b64(data).encode()) == data


@settings(deadline=None)
@given(st.text("AQgw_-+/=.! \n", min_size=1, max_size=9).map(str.encode))
def test_different_segments_decode_to_different_bytes(segment: bytes) -> None:
    try:
        decoded = decode_base64url(segment)
    except MalformedTokenError:
        return
    assert b64(decoded).encode() == segment


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        b"A",  # less than a byte
        b"AAAAA",
        b"QQ==",  # padding, of the right length
        b"QUI=",
        b"QUJDQQ==",
        b"====",
        b"=QQQ",
        b"Q=QQ",
        b"QQ=",
        b"QR",  # non-zero trailing bits: a second encoding of QQ
        b"QUJ",
        b"+AAA",  # base64, not base64url
        b"/AAA",
        b"AA A",
        b"AA\nAA",
        b"AAAA\n",
        b"\x00AAA",
        b"AAA\xff",
        b"A!AA",
        b"AA%3D",
    ],
)
def test_rejects_base64url_that_is_not_canonical(segment: bytes) -> None:
    with pytest.raises(MalformedTokenError):
        decode_base64url(segment)


def test_reads_a_json_object() -> None:
    text = ' {"a": [1, 2.5, true, null, {"b": "\\u00e9\\ud83d\\ude00é😀"}]}\r\n\t'
    assert load_object(text.encode()) == {"a": [1, 2.5, True, None, {"b": "é😀é😀"}]}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"1",
        b'"{}"',
        b"[]",
        b'[{"alg":"EdDSA"}]',
        b"{",
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":0x10}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":-1e400}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\n"}',  # a bare control character
        b'{"a":"\\x41"}',
        b'/**/{"a":1}',
        b'\xef\xbb\xbf{"a":1}',  # a byte order mark
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-be"),
        b'{"a":"\xe9"}',  # Latin-1
        b'{"a":"\xc0\xaf"}',  # overlong
        b'{"a":"\xed\xa0\x80"}',  # a surrogate in UTF-8
        b'{"a":"\xf4\x90\x80\x80"}',  # past the last code point
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":[{"b":"\\ud800"}]}',
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":"\\u0041","b":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda text: repr(text[:30]),
)
def test_rejects_text_that_is_not_a_strict_json_object(text: bytes) -> None:
    with pytest.raises(MalformedTokenError):
        load_object(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"\\ud83d"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":"\\ud83d\\u0041"}',
        b'{"\\udfff":1}',
        b'{"a":[{"b":"\\ud800"}, 1.5]}',
        b'{ "a":"\\uD83D", "b":"\\\\ud83d" }',
    ],
)
def test_lone_surrogates_are_read_only_where_they_are_allowed(text: bytes) -> None:
    assert load_object(text, lone_surrogates=True) == json.loads(text)
    assert decode_object(b64(text).encode(), lone_surrogates=True) == json.loads(text)
    with pytest.raises(MalformedTokenError):
        load_object(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"\\ud83d","a":1}',
        b'{"\\ud83d":1,"\\uD83D":1}',
        b'{"a":"\\ud83d","b":{"c":1,"\\u0063":2}}',
        b'{"a":"\\ud83d","b":NaN}',
        b'{"a":"\\ud83d","b":1e400}',
        b'{"a":"\\ud83d"} x',
        b'["\\ud83d"]',
        b'{"a":"\\ud83"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud83d","b":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda text: repr(text[:30]),
)
def test_text_with_lone_surrogates_is_otherwise_as_strict(text: bytes) -> None:
    with pytest.raises(MalformedTokenError):
        load_object(text, lone_surrogates=True)


@pytest.mark.parametrize("lone_surrogates", [True, False])
@pytest.mark.parametrize("start", [b'{"a":', b'{"b":"\\u0041","a":', b'{ "a" : '])
def test_the_maximum_depth_is_the_same_on_every_interpreter(
    start: bytes, *, lone_surrogates: bool
) -> None:
    for depth in (100, 250, 254):
        text = start + b"[" * depth + b"]" * depth + b"}"
        assert "a" in load_object(text, lone_surrogates=lone_surrogates)
    for depth in (255, 300, 900):
        text = start + b"[" * depth + b"]" * depth + b"}"
        with pytest.raises(MalformedTokenError):
            load_object(text, lone_surrogates=lone_surrogates)


@pytest.mark.parametrize(
    "text",
    [
        b'{"sub":"alice","sub":"mallory"}',
        b'{"sub":"alice","sub":"alice"}',
        b'{"sub":"alice","\\u0073ub":"mallory"}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1},{"b":1,"c":2,"b":1}]}',
    ],
)
def test_rejects_duplicate_members_in_every_spelling(text: bytes) -> None:
    with pytest.raises(MalformedTokenError):
        load_object(text)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(members=st.lists(st.tuples(st.text(max_size=2), _VALUES), max_size=4), spaced=st.booleans())
def test_the_fast_and_the_strict_decoder_agree(
    members: list[tuple[str, object]], *, spaced: bool
) -> None:
    # `load_object` has a fast path for documents in the format of JSON.stringify.
    separators = (", ", ": ") if spaced else (",", ":")
    written = [
        json.dumps(part, ensure_ascii=spaced, separators=separators, allow_nan=False)
        for pair in members
        for part in pair
    ]
    pairs = zip(written[::2], written[1::2], strict=True)
    comma, colon = separators
    text = "{" + comma.join(name + colon + value for name, value in pairs) + "}"
    if len({name for name, _ in members}) < len(members):
        with pytest.raises(MalformedTokenError):
            load_object(text.encode())
    else:
        loaded = load_object(text.encode())
        assert repr(loaded) == repr(json.loads(text))


def test_error_messages_do_not_quote_the_input() -> None:
    for text in (b'{"secret":1,"secret":2}', b'{"secret":"\\ud800"}', b'{"secret":', b'"secret"'):
        with pytest.raises(MalformedTokenError) as caught:
            load_object(text)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_decodes_an_object_in_a_segment() -> None:
    assert decode_object(b64(to_json({"a": 1})).encode()) == {"a": 1}


def test_rejects_an_object_in_a_padded_segment() -> None:
    padded = base64.urlsafe_b64encode(b'{"a":1}')
    assert padded.endswith(b"=")
    with pytest.raises(MalformedTokenError):
        decode_object(padded)
