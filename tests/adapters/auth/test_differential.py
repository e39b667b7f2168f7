"""Whatever is done to a token: what PyJWT refuses is never accepted, and nothing else is raised.

PyJWT's own `decode` reads tokens in its own way, so that an error in our reading shows here. Ours
may refuse more, and does. `--hypothesis-profile=fuzz --timeout=0` looks for an hour rather than for
seconds.
"""

import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.auth import AuthError, Principal, VerifierUnavailableError
from tests.adapters.auth.tokens import (
    ABSENT,
    ISSUER,
    SECRET,
    Signer,
    b64,
    key_set,
    present,
    secret_signer,
    signer,
    to_json,
    token,
)
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
STRANGER: Final = signer("EdDSA", "stranger")
PUBLISHED: Final = [by for by in SIGNERS if by.kid is not None]
ALGORITHMS: Final = [by.algorithm for by in SIGNERS]
VERIFIER: Final = verifier(*PUBLISHED, secrets=[SECRET], leeway=LEEWAY, clock=time.time)
KEYS: Final[list[jwt.PyJWK | bytes]] = [
    *jwt.PyJWKSet.from_json(key_set(*PUBLISHED).decode()).keys,
    SECRET,
]

thorough = settings(max_examples=max(400, settings().max_examples), deadline=None)


def ours(text: str) -> Principal | None:
    """Return whom our verifier takes the token for."""
    verifying: Coroutine[Any, Any, Principal] = VERIFIER.verify(text)
    try:
        verifying.send(None)
    except StopIteration as done:
        principal: Principal = done.value
        return principal
    except (AuthError, VerifierUnavailableError):
        return None
    pytest.fail("it waited, although its keys are at hand")


def theirs(text: str) -> str | None:
    """Return whom PyJWT takes the token for, by any of the same keys."""
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
        except Exception:  # noqa: BLE001, S112 - PyJWT lets errors of other kinds through as well
            continue
        subject: str = claims["sub"]
        return subject
    return None


def check(text: str) -> None:
    principal = ours(text)
    if principal is not None:
        assert theirs(text) == principal.user_id


def claims(**changes: Any) -> dict[str, Any]:
    usual = {"sub": "alice", "iss": ISSUER, "aud": ISSUER, "iat": NOW - 60, "exp": NOW + 86_400}
    return present({**usual, **changes})


TIMES: Final = st.sampled_from([-(10**9), -7200, -3600, -5, 0, 5, 3600, 86_400, 10**9]).map(
    lambda seconds: NOW + seconds
)
TEXTS: Final = st.sampled_from(
    [
        *("", " ", "alice", "JWT", "at+jwt", "logout+jwt", "none", "b64", "sig", "1e9", "true"),
        *(ISSUER, ISSUER + "/", "ed", "ec", "rsa", "stranger", "é", "\u0000", "\u202e", "\ud800"),
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


def written(value: object) -> bytes:
    return json.dumps(value).encode()  # with escapes, so that lone surrogates can be written


@thorough
@given(st.sampled_from([*SIGNERS, STRANGER]), HEADERS, CLAIMS)
def test_with_any_members_in_its_header_and_payload(
    by: Signer, header: dict[str, Any], changes: dict[str, Any]
) -> None:
    usual = {"alg": by.algorithm, "kid": by.kid or ABSENT}
    check(
        token(by, header=written(present({**usual, **header})), claims=written(claims(**changes)))
    )


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
    """Replace a stretch of a text by something else, once or twice."""
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 4)))
        text = text[:start] + draw(SNIPPETS | st.binary(max_size=2)) + text[end:]
    return text


@thorough
@given(st.sampled_from(SIGNERS), st.data())
def test_with_any_damage_to_its_json_before_it_is_signed(by: Signer, data: st.DataObject) -> None:
    header = to_json(present({"alg": by.algorithm, "kid": by.kid or ABSENT}))
    check(
        token(by, header=data.draw(damaged(header)), claims=data.draw(damaged(to_json(claims()))))
    )


PIECES: Final = st.sampled_from([*("", ".", "..", "=", "==", " ", "\n", "+", "/", "-", "_", "A")])
GOOD: Final = [
    *(token(by, claims=claims(sub=sub)) for by in SIGNERS for sub in ("alice", "bob")),
    token(STRANGER, claims=claims()),
    token(STRANGER, header={"kid": "ed"}, claims=claims()),
]


@thorough
@given(st.sampled_from(GOOD), st.data())
def test_with_any_damage_to_its_text(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 3)))
        text = text[:start] + data.draw(PIECES | st.text(max_size=2)) + text[end:]
    check(text)


def flipped(text: str, place: int, mask: int) -> str:
    """Change bits of one base64url character, so that the text stays base64url."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place %= len(text)
    if text[place] == ".":
        return text
    other = alphabet[alphabet.index(text[place]) ^ mask]
    return text[:place] + other + text[place + 1 :]


@thorough
@given(st.sampled_from(GOOD), st.integers(0, 10_000), st.integers(1, 63))
def test_with_any_bit_flipped(text: str, place: int, mask: int) -> None:
    check(flipped(text, place, mask))


@thorough
@given(st.lists(st.sampled_from([part for text in GOOD for part in text.split(".")]), max_size=5))
def test_with_segments_of_other_tokens(parts: list[str]) -> None:
    check(".".join(parts))


@thorough
@given(st.text(max_size=200) | st.binary(max_size=60).map(b64))
def test_with_nothing_of_a_token_at_all(text: str) -> None:
    check(text)
    check(f"{text}.{text}.{text}")


@pytest.mark.parametrize("text", GOOD[: 2 * len(SIGNERS)])
def test_good_tokens_are_accepted_by_both(text: str) -> None:
    principal = ours(text)
    assert principal is not None
    assert principal.user_id == theirs(text)


def test_damage_leaves_tokens_to_accept() -> None:
    """Show that the properties above are not idle: some of what they look at is accepted."""
    outcomes: list[Callable[[], object]] = []

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(st.sampled_from(SIGNERS), CLAIMS)
    def look(by: Signer, changes: dict[str, Any]) -> None:
        if ours(token(by, claims=written(claims(**changes)))) is not None:
            outcomes.append(look)

    look()
    assert len(outcomes) > 20
