"""What is encrypted with a shared key is authentic, or not looked into at all."""

import contextlib
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.jose import jwe
from backend.adapters.auth.jose.jwe import DirectDecryption
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    MalformedTokenError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from tests.adapters.auth.cookies import IV, JWE_HEADER, authenticate, encrypt, thumbprint
from tests.adapters.auth.tokens import b64, to_json

KEY = bytes(range(64))
OLD_KEY = bytes(range(64, 128))
CLAIMS = {"sub": "user-1", "filler": "x" * 40}
TEXT = encrypt(to_json(CLAIMS), KEY)

# RFC 7518, appendix B.3: the key, and what it makes of a text by Kerckhoffs.
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


def refused(error: type[AuthError], text: str, *keys: bytes) -> None:
    with pytest.raises(error) as caught:
        decrypt(text, *keys)
    assert type(caught.value) is error


def with_part(number: int, part: bytes) -> str:
    parts = TEXT.split(".")
    parts[number] = b64(part)
    return ".".join(parts)


def part(number: int, text: str = TEXT) -> bytes:
    return urlsafe_b64decode(text.split(".")[number] + "==")


def sealed(iv: bytes, ciphertext: bytes) -> str:
    """Authenticate an IV and a ciphertext, whatever they are."""
    aad = b64(to_json(JWE_HEADER))
    tag = authenticate(KEY, aad.encode(), iv, ciphertext)[:32]
    return f"{aad}..{b64(iv)}.{b64(ciphertext)}.{b64(tag)}"


def test_it_decrypts_what_was_encrypted() -> None:
    assert decrypt(TEXT) == CLAIMS


def test_it_decrypts_claims_of_any_length() -> None:
    for length in range(40):
        claims = {"é": "x" * length}
        assert decrypt(encrypt(to_json(claims), KEY)) == claims


def test_the_tag_is_that_of_rfc_7518() -> None:
    # With the RFC's own additional data, which is no header, so that only the core can be asked.
    text = encrypt(RFC_PLAIN, RFC_KEY, iv=RFC_IV)
    ciphertext = part(3, text)
    assert ciphertext.hex().startswith("4affaaadb78c31c5da4b1b590d10ffbd")
    assert authenticate(RFC_KEY, RFC_AAD, RFC_IV, ciphertext)[:32].hex() == RFC_TAG
    tag = bytes.fromhex(RFC_TAG)
    # Private, because the public way in takes a header and claims where the RFC has prose.
    assert jwe._open(RFC_KEY, RFC_AAD, RFC_IV, ciphertext, tag) == RFC_PLAIN


def test_a_thumbprint_names_a_key_as_better_auth_does() -> None:
    assert jwe.thumbprint(KEY) == thumbprint(KEY)
    assert len(jwe.thumbprint(KEY)) == 43


def test_a_key_is_found_by_its_name_and_without_one_each_is_tried() -> None:
    for key in (KEY, OLD_KEY):
        named = encrypt(b"{}", key, header={**JWE_HEADER, "kid": thumbprint(key)})
        for text in (named, encrypt(b"{}", key)):
            assert decrypt(text, KEY, OLD_KEY) == {}


def test_the_named_key_is_the_only_one_to_be_tried() -> None:
    wrong = encrypt(b"{}", KEY, header={**JWE_HEADER, "kid": thumbprint(OLD_KEY)})
    refused(InvalidSignatureError, wrong, KEY, OLD_KEY)
    refused(UnknownKeyError, wrong, KEY)


@pytest.mark.parametrize("kid", ["", "1", None, 1, True, [], {}, [thumbprint(KEY)]])
def test_an_unknown_name_is_refused(kid: object) -> None:
    refused(UnknownKeyError, encrypt(b"{}", KEY, header={**JWE_HEADER, "kid": kid}))


def test_the_key_of_somebody_else_is_refused() -> None:
    refused(InvalidSignatureError, TEXT, OLD_KEY)
    refused(InvalidSignatureError, TEXT, b"\1" + KEY[1:], KEY[32:] + KEY[:32])
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
def test_other_encryptions_are_refused(changes: dict[str, Any]) -> None:
    refused(InvalidAlgorithmError, encrypt(b"{}", KEY, header={**JWE_HEADER, **changes}))


@pytest.mark.parametrize("missing", ["alg", "enc"])
def test_an_encryption_that_is_not_named_is_refused(missing: str) -> None:
    header = {name: value for name, value in JWE_HEADER.items() if name != missing}
    refused(InvalidAlgorithmError, encrypt(b"{}", KEY, header=header))


def test_a_wrapped_key_is_refused() -> None:
    refused(InvalidAlgorithmError, encrypt(b"{}", KEY, wrapped_key=KEY))
    refused(InvalidAlgorithmError, with_part(1, b"x"))


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
def test_a_header_that_asks_for_more_is_refused(changes: dict[str, Any]) -> None:
    refused(UnsupportedTokenError, encrypt(b"{}", KEY, header={**JWE_HEADER, **changes}))


def test_a_type_is_no_request() -> None:
    assert decrypt(encrypt(b"{}", KEY, header={**JWE_HEADER, "typ": "JWT"})) == {}


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b'"dir"', b"{", b'{"alg":"dir","alg":"dir","enc":"A256CBC-HS512"}', b"\xff{}"],
)
def test_a_header_that_is_no_object_is_malformed(header: bytes) -> None:
    refused(MalformedTokenError, encrypt(b"{}", KEY, header=header))


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
def test_another_form_is_malformed(text: str) -> None:
    with pytest.raises((MalformedTokenError, InvalidAlgorithmError)):
        decrypt(text)


def test_every_bit_counts() -> None:
    for number in (0, 2, 3, 4):
        whole = part(number)
        for bit in range(len(whole) * 8):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(AuthError):
                decrypt(with_part(number, bytes(flipped)))


@pytest.mark.parametrize("length", [1, 8, 16, 24, 31, 33, 48, 64])
def test_a_tag_has_one_length(length: int) -> None:
    refused(InvalidSignatureError, encrypt(b"{}", KEY, cut=length))


def test_no_tag_is_malformed() -> None:
    refused(MalformedTokenError, TEXT.rpartition(".")[0] + ".")


@pytest.mark.parametrize("length", [1, 8, 12, 15, 17, 32, 48])
def test_the_end_of_the_iv_cannot_be_moved(length: int) -> None:
    # The tag covers both, but not where one ends and the other begins.
    both = part(2) + part(3)
    parts = TEXT.split(".")
    parts[2:4] = b64(both[:length]), b64(both[length:])
    refused(MalformedTokenError, ".".join(parts))


@pytest.mark.parametrize("length", [0, 1, 15, 17, 31, 33])
def test_a_ciphertext_is_whole_blocks_even_if_it_is_authentic(length: int) -> None:
    refused(MalformedTokenError, sealed(IV, bytes(length)))


@pytest.mark.parametrize("length", [0, 1, 15, 17, 32])
def test_an_iv_is_one_block_even_if_it_is_authentic(length: int) -> None:
    refused(MalformedTokenError, sealed(bytes(length), bytes(32)))


@pytest.mark.parametrize(
    "padding",
    [bytes(14), b"\x01" * 13 + b"\x0f", b"\x11" * 14, b"\xff" * 14, b"\x0e" * 13 + b"\x00"],
)
def test_bad_padding_is_malformed_even_if_it_is_authentic(padding: bytes) -> None:
    refused(MalformedTokenError, encrypt(b"{}", KEY, padding=padding))


def test_bad_padding_and_a_bad_tag_look_the_same_to_a_forger() -> None:
    said = set()
    for padding in (None, bytes(14), b"\x11" * 14):
        text = encrypt(b"{}", KEY, padding=padding)
        forged = text.rpartition(".")[0] + "." + b64(bytes(32))
        with pytest.raises(InvalidSignatureError) as caught:
            decrypt(forged)
        said.add(repr(caught.value))
    assert len(said) == 1


def test_nothing_is_decrypted_before_its_tag_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    decrypted = []

    def watched(*said: Any) -> Any:
        decrypted.append(said)
        return Cipher(*said)

    monkeypatch.setattr(jwe, "Cipher", watched)
    refused(InvalidSignatureError, with_part(4, bytes(32)))
    refused(InvalidSignatureError, TEXT, OLD_KEY)
    assert decrypted == []
    assert decrypt(TEXT) == CLAIMS
    assert len(decrypted) == 1


@pytest.mark.parametrize("plain", [b"", b"[]", b"1", b'{"a":1,"a":2}', b"\xff", b"{}x", b"null"])
def test_what_is_authentic_and_no_object_is_malformed(plain: bytes) -> None:
    refused(MalformedTokenError, encrypt(plain, KEY))


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="ascii") | st.just(""))
def test_no_other_text_is_accepted(place: int, character: str) -> None:
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    if changed != TEXT:
        with pytest.raises(AuthError):
            decrypt(changed)


@given(
    st.lists(st.sampled_from([*TEXT.split("."), "", "e30", "="]) | st.text(max_size=4), max_size=7)
)
def test_no_nonsense_does_anything_but_fail(parts: list[str]) -> None:
    text = ".".join(parts)
    if text != TEXT:
        with pytest.raises(AuthError):
            decrypt(text)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_nothing_authentic_does_anything_but_fail_or_succeed(iv: bytes, ciphertext: bytes) -> None:
    with contextlib.suppress(AuthError):
        json.dumps(decrypt(sealed(iv, ciphertext)))
