"""Nothing that is logged, raised or shown holds a token, a secret or a key."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.jose.jwk import UnusableKeyError, public_key, secret_key
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.adapters.auth.keys import SecretKeys
from backend.domain.auth import AuthError, VerifierUnavailableError
from tests.adapters.auth.issuer import keys_of
from tests.adapters.auth.key_server import Behaviour, answer, key_server, raw
from tests.adapters.auth.tokens import (
    ABSENT,
    NOW,
    SECRET,
    b64,
    key_set,
    secret_signer,
    signer,
    to_json,
    token,
)
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio

MARK = "never-to-be-told"
KEYS = [signer("EdDSA"), signer("ES256", "2"), signer("RS256", "3")]
BAD_KEYS: list[object] = [
    f"{MARK}-key",
    signer("RS256", "4").jwk(d=f"{MARK}-d"),
    signer("RS256", "4").jwk(alg=f"{MARK}-alg"),
    signer("RS256", "4").jwk(kty=f"{MARK}-kty"),
    signer("RS256", "4").jwk(n=f"{MARK}*n"),
    signer("RS256", "4").jwk(n=b64(MARK.encode())),
    signer("ES256", "5").jwk(crv=f"{MARK}-crv"),
    signer("ES256", "5").jwk(x=b64(MARK.encode())),
    signer("EdDSA", "6").jwk(use=f"{MARK}-use"),
    signer("EdDSA", "6").jwk(key_ops=[f"{MARK}-ops"]),
    {"kty": "oct", "kid": "7", "k": b64(f"{MARK}-k".encode())},
]


def failing_tokens() -> Iterator[str]:
    """Yield tokens that fail for every reason there is, marked in every place there is."""
    yield from (MARK, f"{MARK}.{MARK}.{MARK}", f"{MARK}=.x.y", f"{token()}.{MARK}", MARK * 1000)
    yield f"{b64(MARK.encode())}.AAAA.AAAA"
    yield f"{b64(to_json({MARK: MARK}))}.{b64(MARK.encode())}.AAAA"
    for name in ("alg", "kid", "typ", "cty", "crit", "b64", "zip", "enc", "jku", "jwk", MARK):
        for value in (MARK, [MARK], {MARK: MARK}, 1, None, ABSENT):
            yield token(header={name: value}, claims={"sub": MARK, "aud": MARK})
    for name in ("sub", "iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "email", "name", "role"):
        for wrong in (f" {MARK}", [MARK, 1], {MARK: MARK}, MARK * 20, 10**20, True, None, ABSENT):
            yield token(claims={name: wrong, "x": MARK})
    yield token(claims={"exp": NOW - 1000, "sub": MARK})
    yield token(claims={"nbf": NOW + 1000, "sub": MARK})
    yield token(claims={"banned": MARK})
    yield token(claims=f'{{"{MARK}":1,"{MARK}":2}}'.encode())
    yield token(claims=f'{{"{MARK}":"\\ud800"}}'.encode())
    yield token(claims=MARK.encode())
    yield token(signer("EdDSA", MARK), claims={"sub": MARK})
    yield token(signer("EdDSA", MARK), header={"kid": "key-1"}, claims={"sub": MARK})
    yield token(signer("ES256", MARK), header={"kid": "2"}, claims={"sub": MARK})
    yield token(secret_signer(), claims={"sub": MARK, "exp": ABSENT})
    yield token(secret_signer(MARK.encode()), claims={"sub": MARK})


def everything_said(error: BaseException) -> str:
    said = [str(error), repr(error), repr(error.args), *getattr(error, "__notes__", [])]
    said += [str(getattr(error, name, "")) for name in ("code", "detail", "reason")]
    shown = (error.__cause__, None if error.__suppress_context__ else error.__context__)
    said += [everything_said(other) for other in shown if other is not None]
    return "\n".join(said)


def everything_logged(records: list[logging.LogRecord]) -> str:
    formatter = logging.Formatter()
    return "\n".join(f"{formatter.format(record)} {record.args!r}" for record in records)


def confidences(*texts: str) -> list[str]:
    """Return what must not be said: the mark, the secrets, the keys, and tokens piece by piece."""
    keys = [str(by.public[name]) for by in KEYS for name in ("x", "y", "n") if name in by.public]
    pieces = {piece for text in texts for piece in text.split(".") if len(piece) > 8}
    return [MARK, b64(MARK.encode()), SECRET.decode(), b64(SECRET), *keys, *pieces]


def assert_silent(said: str, *texts: str) -> None:
    told = [secret for secret in confidences(*texts) if secret in said]
    assert told == []


async def test_no_refusal_says_anything_of_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reasons = set()
    async with (
        key_server(answer(key_set(*KEYS, *BAD_KEYS))) as server,
        keys_of(server, speed=1000) as keys,
    ):
        await keys.find("EdDSA", "key-1")
        inner = verifier(source=keys, secrets=[SECRET], max_lifetime=10_000)
        judge = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=lambda: NOW)
        for text in failing_tokens():
            try:
                await judge.verify(text)
            except (AuthError, VerifierUnavailableError) as error:
                reasons.add(getattr(error, "reason", "unavailable"))
                assert_silent(everything_said(error), text)
            assert_silent(repr(judge) + repr(inner), text)
        assert_silent(everything_logged(caplog.records), *failing_tokens())
        assert_silent(repr(keys) + repr(keys.state()))
    assert len(caplog.records) > 5
    assert reasons == {
        *("malformed_token", "unsupported_token", "invalid_algorithm", "unknown_key"),
        *("invalid_signature", "immature_token", "invalid_issuer", "invalid_audience"),
        *("missing_claim", "invalid_claim", "inactive_token", "token_expired"),
    }


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(MARK.encode()),
        answer(to_json({"keys": MARK})),
        answer(to_json({MARK: MARK})),
        answer(key_set(*BAD_KEYS)),
        answer(key_set(*KEYS)[:-1]),
        answer(f'{{"{MARK}":1,"{MARK}":2}}'.encode()),
        answer(f'{{"{MARK}":{MARK}}}'.encode()),
        answer(key_set(*KEYS), status=500),
        raw(key_set(*KEYS) + b"\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + key_set(*KEYS) + b"\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + MARK.encode() + b"\r\n\r\n"),
    ],
)
async def test_no_outage_says_anything_of_what_the_issuer_sent(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="backend")
    async with key_server(behaviour) as server, keys_of(server) as keys:
        with pytest.raises(VerifierUnavailableError) as caught:
            await keys.find("EdDSA", "key-1")
        assert_silent(everything_said(caught.value))
        assert_silent(repr(keys.state()))
        assert_silent(everything_logged(caplog.records))


async def test_no_key_or_token_shows_itself() -> None:
    text = token(claims={"sub": MARK})
    things: list[Any] = [
        public_key(KEYS[0].jwk()),
        secret_key(SECRET),
        read_key_set(key_set(*KEYS)),
        SecretKeys([SECRET]),
        verifier(secrets=[SECRET]),
    ]
    for thing in things:
        assert_silent(f"{thing!r} {thing!s}", text)


async def test_no_unusable_key_shows_itself() -> None:
    for key in BAD_KEYS:
        with pytest.raises(UnusableKeyError) as caught:
            public_key(key)
        assert_silent(everything_said(caught.value))
    for secret in (MARK.encode(), to_json({"kty": MARK, "k": MARK, "x": MARK * 3})):
        with pytest.raises(UnusableKeyError) as caught:
            secret_key(secret)
        assert_silent(everything_said(caught.value))
