"""The shared secrets as a key source."""

import pytest

from backend.adapters.auth.jose.jwk import UnusableKeyError
from backend.adapters.auth.keys import SecretKeys
from backend.testing.signers import key_set, signer
from tests.adapters.auth.tokens import SECRET

pytestmark = pytest.mark.anyio


async def test_returns_every_secret() -> None:
    source = SecretKeys([SECRET, b"x" * 32])
    keys = await source.find("HS256", "any")
    assert [key.algorithms for key in keys] == [("HS256",), ("HS256",)]
    assert source.known("HS256", "any") == keys


async def test_rejects_an_unusable_secret() -> None:
    for secret in (b"", b"short", key_set(signer("RS256"))):
        with pytest.raises(UnusableKeyError):
            SecretKeys([SECRET, secret])
