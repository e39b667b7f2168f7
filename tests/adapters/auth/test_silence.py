"""No log message, error or `repr` contains a token, a secret or a key."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.jose.jwk import UnusableKeyError, public_key, secret_key
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.adapters.auth.keys import SecretKeys
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    TokenVerifier,
    VerifierUnavailableError,
)
from backend.testing.encoding import ABSENT, b64, to_json
from backend.testing.signers import key_set, signer
from tests.adapters.auth.issuer import keys_of
from tests.adapters.auth.key_server import Behaviour, answer, key_server, raw
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import verifier

pytestmark = pytest.mark.anyio

MARK = "confidential-text"
# The log quotes the issuer and the audience of a token with a valid signature, but no secret.
HIDDEN_MARK = f"eyJ{MARK}.{MARK}.{MARK}"
SHOWN = ("code", "detail", "reason", "found", "expected")
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
    """Yield tokens that fail for every reason, with the mark in every place."""
    yield from (MARK, f"{MARK}.{MARK}.{MARK}", f"{MARK}=.x.y", f"{token()}.{MARK}", MARK * 1000)
    yield f"{b64(MARK.encode())}.AAAA.AAAA"
    yield f"{b64(to_json({MARK: MARK}))}.{b64(MARK.encode())}.AAAA"
    for name in ("alg", "kid", "typ", "cty", "crit", "b64", "zip", "enc", "jku", "jwk", MARK):
        for value in (MARK, [MARK], {MARK: MARK}, 1, None, ABSENT):
            yield token(header={name: value}, claims={"sub": MARK, "aud": HIDDEN_MARK})
    for name in ("iss", "aud"):
        for value in (HIDDEN_MARK, [HIDDEN_MARK, "x"], {HIDDEN_MARK: HIDDEN_MARK}, None, ABSENT):
            yield token(claims={name: value, "x": MARK})
    for name in ("sub", "exp", "nbf", "iat", "jti", "cnf", "email", "name", "role"):
        for value in (f" {MARK}", [MARK, 1], {MARK: MARK}, MARK * 20, 10**20, True, None, ABSENT):
            yield token(claims={name: value, "x": MARK})
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


def error_output(error: BaseException) -> str:
    texts = [str(error), repr(error), repr(error.args), *getattr(error, "__notes__", [])]
    texts += [str(getattr(error, name, "")) for name in SHOWN]
    chained = (error.__cause__, None if error.__suppress_context__ else error.__context__)
    texts += [error_output(other) for other in chained if other is not None]
    return "\n".join(texts)


def log_output(records: list[logging.LogRecord]) -> str:
    formatter = logging.Formatter()
    return "\n".join(f"{formatter.format(record)} {record.args!r}" for record in records)


def confidential_texts(*tokens: str) -> list[str]:
    """Return the mark, the secrets, the keys, and the segments of the tokens."""
    keys = [str(key.public[name]) for key in KEYS for name in ("x", "y", "n") if name in key.public]
    pieces = {piece for text in tokens for piece in text.split(".") if len(piece) > 8}
    return [MARK, b64(MARK.encode()), SECRET.decode(), b64(SECRET), *keys, *pieces]


def assert_silent(output: str, *tokens: str) -> None:
    leaked = [text for text in confidential_texts(*tokens) if text in output]
    assert leaked == []


async def error_of(cached: TokenVerifier, text: str) -> Exception | None:
    try:
        await cached.verify(text)
    except (AuthError, VerifierUnavailableError) as error:
        return error
    return None


async def test_rejections_reveal_nothing_about_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reasons = set()
    async with (
        key_server(answer(key_set(*KEYS, *BAD_KEYS))) as server,
        keys_of(server, speed=5) as keys,
    ):
        await keys.find("EdDSA", "key-1")
        inner = verifier(source=keys, secrets=[SECRET], max_lifetime=10_000)
        cached = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=lambda: NOW)
        for text in failing_tokens():
            error = await error_of(cached, text)
            while isinstance(error, VerifierUnavailableError):  # the pace of look-ups is limited
                assert_silent(error_output(error), text)
                await asyncio.sleep(error.retry_after / 5)
                error = await error_of(cached, text)
            if isinstance(error, AuthError):
                reasons.add(error.reason)
                assert_silent(error_output(error), text)
            assert_silent(repr(cached) + repr(inner), text)
        assert_silent(log_output(caplog.records), *failing_tokens())
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
async def test_outages_reveal_nothing_of_the_issuers_response(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="backend")
    async with key_server(behaviour) as server, keys_of(server) as keys:
        with pytest.raises(VerifierUnavailableError) as caught:
            await keys.find("EdDSA", "key-1")
        assert_silent(error_output(caught.value))
        assert_silent(repr(keys.state()))
        assert_silent(log_output(caplog.records))


@pytest.mark.parametrize(
    ("claims", "found", "expected"),
    [
        ({"iss": "https://x.example"}, '"https://x.example"', f'"{ISSUER}"'),
        ({"iss": "x" * 60 + "\n\x1b[2J\u202e"}, f'"{"x" * 60}\\n\\u001b[2J\\u202e"', f'"{ISSUER}"'),
        ({"aud": ["a", "b"]}, '["a", "b"]', f'"{ISSUER}"'),
        ({"aud": HIDDEN_MARK}, '"(redacted)"', f'"{ISSUER}"'),
        ({"nbf": NOW + 100}, "100 s ahead of this machine's clock", ""),
        ({"exp": NOW - 100}, "100 s ago", ""),
    ],
)
async def test_a_refusal_says_what_was_found_and_what_is_expected(
    claims: dict[str, Any], found: str, expected: str
) -> None:
    with pytest.raises(AuthError) as caught:
        await verifier().verify(token(claims=claims))
    assert caught.value.found == found
    assert found.isascii()
    assert found.isprintable()
    assert caught.value.expected == expected


@pytest.mark.parametrize(
    ("algorithm", "found"), [("HS256", "HS256"), ("none", "none"), (MARK, ""), ([MARK], "")]
)
async def test_a_refused_algorithm_is_quoted_only_if_its_name_is_known(
    algorithm: object, found: str
) -> None:
    with pytest.raises(InvalidAlgorithmError) as caught:
        await verifier().verify(token(header={"alg": algorithm}))
    assert caught.value.found == found
    assert "EdDSA" in str(caught.value.expected)


async def test_long_values_of_a_refusal_are_cut() -> None:
    words = " ".join(["issuer"] * 1000)
    with pytest.raises(AuthError) as caught:
        await verifier().verify(token(claims={"iss": words}))
    assert len(str(caught.value.found)) < 250


async def test_no_repr_shows_a_key_or_a_token() -> None:
    text = token(claims={"sub": MARK})
    values: list[Any] = [
        public_key(KEYS[0].jwk()),
        secret_key(SECRET),
        read_key_set(key_set(*KEYS)),
        SecretKeys([SECRET]),
        verifier(secrets=[SECRET]),
    ]
    for value in values:
        assert_silent(f"{value!r} {value!s}", text)


async def test_errors_about_unusable_keys_do_not_show_the_key() -> None:
    for key in BAD_KEYS:
        with pytest.raises(UnusableKeyError) as caught:
            public_key(key)
        assert_silent(error_output(caught.value))
    for secret in (MARK.encode(), to_json({"kty": MARK, "k": MARK, "x": MARK * 3})):
        with pytest.raises(UnusableKeyError) as caught:
            secret_key(secret)
        assert_silent(error_output(caught.value))
