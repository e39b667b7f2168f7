"""Only authentic ciphertexts are decrypted."""

import contextlib
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.jose import jwe
from backend.adapters.auth.jose.encryption import JWE_HEADER, authenticate, encrypt, thumbprint
from backend.adapters.auth.jose.jwe import DirectDecryption
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from backend.testing.encoding import b64, to_json

KEY = bytes(range(64))
OLD_KEY = bytes(range(64, 128))
CLAIMS = {"sub": "user-1", "filler": "x" * 40}
TEXT = encrypt(to_json(CLAIMS), KEY)

# RFC 7518, appendix B.3: the test vector.
RFC_KEY = bytes(range(64))
RFC_PLAIN = (
    b"A cipher system must not be required to be secret, and it must be able to fall into the"
    b" hands of the enemy without inconvenience"
)
RFC_IV = bytes.fromhex("1af38c2dc2b96ffdd86694092341bc04")
RFC_AAD = b"The second principle of Auguste Kerckhoffs"
RFC_TAG = "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5"


def decrypt(text: str, *keys: bytes) -> dict[str, Any]:
    return DirectDecryption(keys or [KEY]).decrypt(text)


def assert_rejected(error: type[AuthError], text: str, *keys: bytes) -> None:
    with pytest.raises(error) as caught:
        decrypt(text, *keys)
    assert type(caught.value) is error


def with_part(number: int, part: bytes) -> str:
    parts = TEXT.split(".")
    parts[number] = b64(part)
    return ".".join(parts)


def part(number: int, text: str = TEXT) -> bytes:
    return urlsafe_b64decode(text.split(".")[number] + "==")


def authenticated(iv: bytes, ciphertext: bytes) -> str:
    """Make a token with a valid tag from any IV and ciphertext."""
    aad = b64(to_json(JWE_HEADER))
    tag = authenticate(KEY, aad.encode(), iv, ciphertext)[:32]
    return f"{aad}..{b64(iv)}.{b64(ciphertext)}.{b64(tag)}"


def test_decrypts_a_token() -> None:
    assert decrypt(TEXT) == CLAIMS


def test_decrypts_claims_of_any_length() -> None:
    for length in range(40):
        claims = {"é": "x" * length}
        assert decrypt(encrypt(to_json(claims), KEY)) == claims


def test_the_tag_matches_rfc_7518() -> None:
    # The RFC's additional data is not a header, so this tests the private core.
    text = encrypt(RFC_PLAIN, RFC_KEY, iv=RFC_IV)
    ciphertext = part(3, text)
    assert ciphertext.hex().startswith("4affaaadb78c31c5da4b1b590d10ffbd")
    assert authenticate(RFC_KEY, RFC_AAD, RFC_IV, ciphertext)[:32].hex() == RFC_TAG
    tag = bytes.fromhex(RFC_TAG)
    assert jwe._decrypt(RFC_KEY, RFC_AAD, RFC_IV, ciphertext, tag) == RFC_PLAIN


def test_the_thumbprint_equals_better_auths_kid() -> None:
    assert jwe.thumbprint(KEY) == thumbprint(KEY)
    assert len(jwe.thumbprint(KEY)) == 43


def test_finds_the_key_by_kid_and_tries_every_key_without_a_kid() -> None:
    for key in (KEY, OLD_KEY):
        with_kid = encrypt(b"{}", key, header={**JWE_HEADER, "kid": thumbprint(key)})
        for text in (with_kid, encrypt(b"{}", key)):
            assert decrypt(text, KEY, OLD_KEY) == {}


def test_tries_only_the_key_with_the_kid() -> None:
    wrong = encrypt(b"{}", KEY, header={**JWE_HEADER, "kid": thumbprint(OLD_KEY)})
    assert_rejected(InvalidSignatureError, wrong, KEY, OLD_KEY)
    assert_rejected(UnknownKeyError, wrong, KEY)


@pytest.mark.parametrize("kid", ["", "1", None, 1, True, [], {}, [thumbprint(KEY)]])
def test_rejects_an_unknown_kid(kid: object) -> None:
    assert_rejected(UnknownKeyError, encrypt(b"{}", KEY, header={**JWE_HEADER, "kid": kid}))


def test_rejects_tokens_of_another_key() -> None:
    assert_rejected(InvalidSignatureError, TEXT, OLD_KEY)
    assert_rejected(InvalidSignatureError, TEXT, b"\1" + KEY[1:], KEY[32:] + KEY[:32])
    with pytest.raises(InvalidSignatureError):
        DirectDecryption([]).decrypt(TEXT)


@pytest.mark.parametrize(
    "changes",
    [
        *({"alg": alg} for alg in ("none", "DIR", "A256KW", "RSA-OAEP", "HS256", None, ["dir"])),
        *({"enc": enc} for enc in ("A128CBC-HS256", "A256GCM", "a256cbc-hs512", None, 1)),
        {"enc": {}},
        {"alg": "A256CBC-HS512", "enc": "dir"},
    ],
)
def test_rejects_other_encryptions(changes: dict[str, Any]) -> None:
    assert_rejected(InvalidAlgorithmError, encrypt(b"{}", KEY, header={**JWE_HEADER, **changes}))


@pytest.mark.parametrize("missing", ["alg", "enc"])
def test_rejects_a_missing_alg_or_enc(missing: str) -> None:
    header = {name: value for name, value in JWE_HEADER.items() if name != missing}
    assert_rejected(InvalidAlgorithmError, encrypt(b"{}", KEY, header=header))


def test_rejects_a_wrapped_key() -> None:
    assert_rejected(InvalidAlgorithmError, encrypt(b"{}", KEY, wrapped_key=KEY))
    assert_rejected(InvalidAlgorithmError, with_part(1, b"x"))


@pytest.mark.parametrize(
    "changes",
    [
        {"zip": "DEF"},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"b64": False},
        {"cty": "JWT"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jku": "https://evil.example.com"},
        {"p2c": 10**9},
        {"Kid": "x"},
    ],
)
def test_rejects_unsupported_header_parameters(changes: dict[str, Any]) -> None:
    assert_rejected(UnsupportedTokenError, encrypt(b"{}", KEY, header={**JWE_HEADER, **changes}))


def test_accepts_a_typ() -> None:
    assert decrypt(encrypt(b"{}", KEY, header={**JWE_HEADER, "typ": "JWT"})) == {}


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b'"dir"', b"{", b'{"alg":"dir","alg":"dir","enc":"A256CBC-HS512"}', b"\xff{}"],
)
def test_a_header_that_is_not_a_strict_object_is_malformed(header: bytes) -> None:
    assert_rejected(MalformedTokenError, encrypt(b"{}", KEY, header=header))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "....",
        ".....",
        TEXT + ".",
        "." + TEXT,
        TEXT.rpartition(".")[0],
        TEXT.replace("..", "."),
        TEXT + "=",
        TEXT + "\n",
        " " + TEXT,
        TEXT.replace("..", ".=."),
        TEXT[:-1] + "é",
        TEXT + "\ud800",
        to_json({"ciphertext": TEXT}).decode(),
    ],
)
def test_other_forms_are_malformed(text: str) -> None:
    with pytest.raises((MalformedTokenError, InvalidAlgorithmError)):
        decrypt(text)


def test_rejects_every_flipped_bit() -> None:
    for number in (0, 2, 3, 4):
        whole = part(number)
        for bit in range(len(whole) * 8):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(AuthError):
                decrypt(with_part(number, bytes(flipped)))


@pytest.mark.parametrize("length", [1, 8, 16, 24, 31, 33, 48, 64])
def test_rejects_tags_of_another_length(length: int) -> None:
    assert_rejected(InvalidSignatureError, encrypt(b"{}", KEY, cut=length))


def test_a_missing_tag_is_malformed() -> None:
    assert_rejected(MalformedTokenError, TEXT.rpartition(".")[0] + ".")


@pytest.mark.parametrize("length", [1, 8, 12, 15, 17, 32, 48])
def test_the_border_between_iv_and_ciphertext_cannot_be_moved(length: int) -> None:
    # The tag covers both parts, but not the border between them.
    both = part(2) + part(3)
    parts = TEXT.split(".")
    parts[2:4] = b64(both[:length]), b64(both[length:])
    assert_rejected(MalformedTokenError, ".".join(parts))


@pytest.mark.parametrize("length", [0, 1, 15, 17, 31, 33])
def test_an_authentic_ciphertext_of_partial_blocks_is_malformed(length: int) -> None:
    assert_rejected(MalformedTokenError, authenticated(bytes(16), bytes(length)))


@pytest.mark.parametrize("length", [0, 1, 15, 17, 32])
def test_an_authentic_iv_of_another_length_is_malformed(length: int) -> None:
    assert_rejected(MalformedTokenError, authenticated(bytes(length), bytes(32)))


@pytest.mark.parametrize(
    "padding",
    [bytes(14), b"\x01" * 13 + b"\x0f", b"\x11" * 14, b"\xff" * 14, b"\x0e" * 13 + b"\x00"],
)
def test_authentic_bad_padding_is_malformed(padding: bytes) -> None:
    assert_rejected(MalformedTokenError, encrypt(b"{}", KEY, padding=padding))


def test_a_forged_token_gets_the_same_error_with_any_padding() -> None:
    errors = set()
    for padding in (None, bytes(14), b"\x11" * 14):
        text = encrypt(b"{}", KEY, padding=padding)
        forged = text.rpartition(".")[0] + "." + b64(bytes(32))
        with pytest.raises(InvalidSignatureError) as caught:
            decrypt(forged)
        errors.add(repr(caught.value))
    assert len(errors) == 1


def test_checks_the_tag_before_decryption(monkeypatch: pytest.MonkeyPatch) -> None:
    decrypted = []

    def record(*args: Any) -> Any:
        decrypted.append(args)
        return Cipher(*args)

    monkeypatch.setattr(jwe, "Cipher", record)
    assert_rejected(InvalidSignatureError, with_part(4, bytes(32)))
    assert_rejected(InvalidSignatureError, TEXT, OLD_KEY)
    assert decrypted == []
    assert decrypt(TEXT) == CLAIMS
    assert len(decrypted) == 1


@pytest.mark.parametrize("plain", [b"", b"[]", b"1", b'{"a":1,"a":2}', b"\xff", b"{}x", b"null"])
def test_authentic_text_that_is_not_a_strict_object_is_malformed(plain: bytes) -> None:
    assert_rejected(MalformedTokenError, encrypt(plain, KEY))


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="ascii") | st.just(""))
def test_rejects_every_changed_character(place: int, character: str) -> None:
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    if changed != TEXT:
        with pytest.raises(AuthError):
            decrypt(changed)


@given(
    st.lists(st.sampled_from([*TEXT.split("."), "", "e30", "="]) | st.text(max_size=4), max_size=7)
)
def test_rejects_random_segments(parts: list[str]) -> None:
    text = ".".join(parts)
    if text != TEXT:
        with pytest.raises(AuthError):
            decrypt(text)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_random_authentic_input_is_decrypted_or_rejected(iv: bytes, ciphertext: bytes) -> None:
    with contextlib.suppress(AuthError):
        json.dumps(decrypt(authenticated(iv, ciphertext)))
