"""Idempotency keys: their format, and repeated keys."""

import pytest

from backend.domain.idempotency import (
    KEY_MAX_LENGTH,
    Idempotency,
    IdempotencyKeyReusedError,
    InvalidIdempotencyKeyError,
)


@pytest.mark.parametrize("key", ["x", " ", "~", '"8e03978e"', "x" * KEY_MAX_LENGTH, "a b"])
def test_printable_ascii_is_accepted_as_a_key(key: str) -> None:
    assert Idempotency(key=key, fingerprint=b"1").key == key


@pytest.mark.parametrize(
    "key", ["", "x" * (KEY_MAX_LENGTH + 1), "é", "x\n", "\x1f", "\x7f", "a\tb", "\0", "\U0001f95b"]
)
def test_any_other_key_is_rejected(key: str) -> None:
    with pytest.raises(InvalidIdempotencyKeyError):
        Idempotency(key=key, fingerprint=b"1")


def test_a_key_is_valid_for_one_request_only() -> None:
    idempotency = Idempotency(key="x", fingerprint=b"1")
    idempotency.require(b"1")
    with pytest.raises(IdempotencyKeyReusedError):
        idempotency.require(b"2")
