"""Compares the verifier with PyJWT's `decode` on generated tokens.

The verifier never accepts a token that PyJWT rejects, and raises no unexpected error. It may reject
more tokens than PyJWT does. `--hypothesis-profile=fuzz --timeout=0` runs for an hour instead of
seconds.
"""

import json
import time
from collections.abc import Coroutine
from typing import Any, Final

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.auth import AuthError, Principal, VerifierUnavailableError
from backend.testing.encoding import ABSENT, b64, drop_absent, to_json
from backend.testing.signers import Signer, key_set, signer
from tests.adapters.auth.tokens import ISSUER, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import verifier

LEEWAY: Final = 10
NOW: Final = int(time.time())
SIGNERS: Final = [
    signer("EdDSA", "ed"),
    signer("ES256", "ec"),
    signer("RS256", "rsa"),
    signer("PS256", "rsa"),
    secret_signer(),
]
UNPUBLISHED: Final = signer("EdDSA", "unknown")
PUBLISHED: Final = [key for key in SIGNERS if key.kid is not None]
ALGORITHMS: Final = [key.algorithm for key in SIGNERS]
VERIFIER: Final = verifier(*PUBLISHED, secrets=[SECRET], leeway=LEEWAY, clock=time.time)
KEYS: Final[list[jwt.PyJWK | bytes]] = [
    *jwt.PyJWKSet.from_json(key_set(*PUBLISHED).decode()).keys,
    SECRET,
]

thorough = settings(max_examples=max(400, settings().max_examples), deadline=None)


def verify(text: str) -> Principal | None:
    """Verify a token with this project's verifier. Return None if the token is rejected."""
    verifying: Coroutine[Any, Any, Principal] = VERIFIER.verify(text)
    try:
        verifying.send(None)
    except StopIteration as stop:
        principal: Principal = stop.value
        return principal
    except (AuthError, VerifierUnavailableError):
        return None
    pytest.fail("the verifier waited, although all keys are known")


def verify_with_pyjwt(text: str) -> str | None:
    """Verify a token with PyJWT and the same keys. Return the subject, or None if rejected."""
    for key in KEYS:
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=ALGORITHMS,
                audience=ISSUER,
                issuer=ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except Exception:  # noqa: BLE001, S112 - PyJWT also raises errors of other kinds
            continue
        subject: str = claims["sub"]
        return subject
    return None


def check(text: str) -> None:
    principal = verify(text)
    if principal is not None:
        assert verify_with_pyjwt(text) == principal.user_id


def claims(**changes: Any) -> dict[str, Any]:
    defaults = {"sub": "alice", "iss": ISSUER, "aud": ISSUER, "iat": NOW - 60, "exp": NOW + 86_400}
    return drop_absent({**defaults, **changes})


TIMES: Final = st.sampled_from([-(10**9), -7200, -3600, -5, 0, 5, 3600, 86_400, 10**9]).map(
    lambda seconds: NOW + seconds
)
TEXTS: Final = st.sampled_from(
    [
        *("", " ", "alice", "JWT", "at+jwt", "logout+jwt", "none", "b64", "sig", "1e9", "true"),
        *(ISSUER, ISSUER + "/", "ed", "ec", "rsa", "unknown", "é", "\u0000", "\u202e", "\ud800"),
        *ALGORITHMS,
    ]
)
LEAVES: Final = (
    st.none()
    | st.booleans()
    | TIMES
    | TIMES.map(lambda moment: moment + 0.5)
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES: Final = st.just(ABSENT) | st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2)
)
HEADERS: Final = st.dictionaries(
    st.sampled_from(
        [
            *("alg", "kid", "typ", "cty", "crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c"),
            "anything",
        ]
    ),
    VALUES,
    max_size=3,
)
CLAIMS: Final = st.dictionaries(
    st.sampled_from(
        [
            *("sub", "iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "email", "name", "role"),
            *("scope", "banned", "anything"),
        ]
    ),
    VALUES,
    max_size=3,
)


def to_ascii_json(value: object) -> bytes:
    return json.dumps(value).encode()  # escapes lone surrogates, which UTF-8 cannot encode


@thorough
@given(st.sampled_from([*SIGNERS, UNPUBLISHED]), HEADERS, CLAIMS)
def test_tokens_with_any_header_and_claims(
    key: Signer, header: dict[str, Any], changes: dict[str, Any]
) -> None:
    defaults = {"alg": key.algorithm, "kid": key.kid or ABSENT}
    header_text = to_ascii_json(drop_absent({**defaults, **header}))
    check(token(key, header=header_text, claims=to_ascii_json(claims(**changes))))


SNIPPETS: Final = st.sampled_from(
    [
        *(b"", b" ", b"\n", b"\t", b"\x00", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":"),
        *(b"0", b"-", b".", b"e400", b"NaN", b"Infinity", b"null", b"true", b"\\u0000", b"\\ud800"),
        *(b'"sub":"mallory",', b'"alg":"none",', b'"\\u0073ub":"mallory",', b'"exp":9999999999,'),
        *(b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"//", b"/**/"),
    ]
)


@st.composite
def damaged(draw: st.DrawFn, text: bytes) -> bytes:
    """Replace a part of a text up to twice."""
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 4)))
        text = text[:start] + draw(SNIPPETS | st.binary(max_size=2)) + text[end:]
    return text


@thorough
@given(st.sampled_from(SIGNERS), st.data())
def test_tokens_with_damaged_json_and_a_valid_signature(key: Signer, data: st.DataObject) -> None:
    header = to_json(drop_absent({"alg": key.algorithm, "kid": key.kid or ABSENT}))
    damaged_header, payload = data.draw(damaged(header)), data.draw(damaged(to_json(claims())))
    check(token(key, header=damaged_header, claims=payload))


PIECES: Final = st.sampled_from([*("", ".", "..", "=", "==", " ", "\n", "+", "/", "-", "_", "A")])
VALID: Final = [
    *(token(key, claims=claims(sub=sub)) for key in SIGNERS for sub in ("alice", "bob")),
    token(UNPUBLISHED, claims=claims()),
    token(UNPUBLISHED, header={"kid": "ed"}, claims=claims()),
]


@thorough
@given(st.sampled_from(VALID), st.data())
def test_tokens_with_damaged_text(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 3)))
        text = text[:start] + data.draw(PIECES | st.text(max_size=2)) + text[end:]
    check(text)


def flip_bits(text: str, index: int, mask: int) -> str:
    """Change bits of a base64url character, so that the text stays base64url."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    index %= len(text)
    if text[index] == ".":
        return text
    other = alphabet[alphabet.index(text[index]) ^ mask]
    return text[:index] + other + text[index + 1 :]


@thorough
@given(st.sampled_from(VALID), st.integers(0, 10_000), st.integers(1, 63))
def test_tokens_with_flipped_bits(text: str, index: int, mask: int) -> None:
    check(flip_bits(text, index, mask))


@thorough
@given(st.lists(st.sampled_from([part for text in VALID for part in text.split(".")]), max_size=5))
def test_tokens_made_of_segments_of_others(parts: list[str]) -> None:
    check(".".join(parts))


@thorough
@given(st.text(max_size=200) | st.binary(max_size=60).map(b64))
def test_arbitrary_text(text: str) -> None:
    check(text)
    check(f"{text}.{text}.{text}")


@pytest.mark.parametrize("text", VALID[: 2 * len(SIGNERS)])
def test_both_accept_valid_tokens(text: str) -> None:
    principal = verify(text)
    assert principal is not None
    assert principal.user_id == verify_with_pyjwt(text)


def test_some_generated_tokens_are_accepted() -> None:
    """The comparisons above would be pointless if the verifier rejected every generated token."""
    accepted: list[str] = []

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(st.sampled_from(SIGNERS), CLAIMS)
    def collect(key: Signer, changes: dict[str, Any]) -> None:
        text = token(key, claims=to_ascii_json(claims(**changes)))
        if verify(text) is not None:
            accepted.append(text)

    collect()
    assert len(accepted) > 20
