"""Attacks on the parser: ambiguous encodings, and input that is costly to parse.

RFC 8725, sections 2.6 and 3.7.
"""

import json
import time

import pytest

from backend.domain.auth import (
    AuthError,
    MalformedTokenError,
)
from backend.testing.encoding import b64, to_json
from tests.adapters.auth.tokens import token, valid_claims
from tests.adapters.auth.verifiers import assert_rejected, verifier

pytestmark = pytest.mark.anyio


async def test_rejects_duplicate_json_members() -> None:
    for header in (
        b'{"alg":"none","alg":"EdDSA","kid":"key-1"}',
        b'{"alg":"EdDSA","kid":"key-1","kid":"key-1"}',
        b'{"alg":"EdDSA","kid":"key-1","\\u0061lg":"none"}',
    ):
        await assert_rejected(MalformedTokenError, token(header=header))
    payload = to_json(valid_claims())[:-1] + b',"sub":"admin"}'
    await assert_rejected(MalformedTokenError, token(claims=payload))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
async def test_rejects_json_that_is_not_utf_8(encoding: str) -> None:
    claims = json.dumps(valid_claims(name="Zoë"), ensure_ascii=False).encode(encoding)
    await assert_rejected(MalformedTokenError, token(claims=claims))
    header = '{"alg":"EdDSA","kid":"key-1","x":"ë"}'.encode(encoding)
    await assert_rejected(MalformedTokenError, token(header=header))


async def test_rejects_other_encodings_of_a_valid_token() -> None:
    # A second spelling of a token would bypass a list of revoked tokens.
    text = token()
    header, payload, signature = text.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) ^ 1]  # the lowest bit is unused
    for other in (
        f"{header}.{payload}.{signature[:-1]}{last}",
        f"{text}=",
        f"{text}==",
        f"{header}=.{payload}.{signature}",
        f"{text}.",
        f".{text}",
        f" {text}",
        f"{text}\n",
        f"{header}.{payload}.\n{signature}",
        f"{header}.{payload}. {signature}",
        text.replace("-", "+").replace("_", "/") + "+",
        text.replace(".", "%2E"),
        text.replace(".", "。"),
        text + "\x00",
    ):
        await assert_rejected(MalformedTokenError, other)


async def test_rejects_padded_segments() -> None:
    # The padding makes the length right for standard base64.
    for claims in ({}, {"name": "Al"}, {"name": "Ali"}):
        text = token(claims=claims)
        for index in range(3):
            parts = text.split(".")
            parts[index] += "=" * (-len(parts[index]) % 4)
            if "=" in parts[index]:
                with pytest.raises(AuthError):
                    await verifier().verify(".".join(parts))


async def test_rejects_the_json_serialization() -> None:
    # CVE-2022-39227 (python-jwt): one parser read the JSON, another the dots in it.
    header, payload, signature = token().split(".")
    forged = b64(to_json(valid_claims(sub="admin")))
    for text in (
        json.dumps({"protected": header, "payload": payload, "signature": signature}),
        json.dumps({f"  {header}.{forged}.": "", "payload": payload, "signature": signature}),
        json.dumps({"payload": payload, "signatures": [{"protected": header}]}),
    ):
        await assert_rejected(MalformedTokenError, text)


@pytest.mark.parametrize(
    "text",
    [
        "." * 10_000_000,  # CVE-2025-27144 (go-jose), CVE-2025-30204 (golang-jwt)
        "." * 8192,
        "A" * 10_000_000,  # CVE-2025-61920 (Authlib)
        "A" * 8192,
        "=" * 8192,
        f"{b64(b'[' * 3000)}.AAAA.AAAA",
        f"{b64(b'{' + b' ' * 6000 + b'}')}.AAAA.AAAA",
        f"{b64(to_json({'alg': 'EdDSA', 'x': 0})[:-2] + b'9' * 4000 + b'}')}.AAAA.AAAA",
        f"{b64(to_json({f'{n}': n for n in range(400)}))}.AAAA.AAAA",
        "\ud800" * 8192,
        "💣" * 8192,
    ],
    ids=lambda text: f"{len(text)} of {text[:4]!r}",
)
async def test_rejects_costly_input_quickly(text: str) -> None:
    durations = []
    for _ in range(3):  # one run may include a garbage collection
        start = time.thread_time()
        with pytest.raises(AuthError):
            await verifier().verify(text)
        durations.append(time.thread_time() - start)
    assert min(durations) < 0.1
