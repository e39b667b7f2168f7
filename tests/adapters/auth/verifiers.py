"""The verifier under test, over keys that never change."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS, VerificationKey
from backend.adapters.auth.jwks.key_set import KeySet, read_key_set
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.domain.auth import AuthError, UnknownKeyError
from tests.adapters.auth.tokens import ISSUER, NOW, key_set, signer

NOBODY: Final = frozenset[str]()  # as issuers or audiences: none is known


class FixedKeys:
    """A key source whose issuer always answers at once, and always the same."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self.asked: list[tuple[str, str | None]] = []

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        self.asked.append((algorithm, kid))
        return self._keys.match(algorithm, kid)

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        found = self.known(algorithm, kid)
        if not found:
            raise UnknownKeyError("no such key")
        return found


def policy(**changes: Any) -> ClaimsPolicy:
    strict: dict[str, Any] = {"issuers": frozenset({ISSUER}), "audiences": frozenset({ISSUER})}
    return ClaimsPolicy(**{**strict, **changes})


def verifier(
    *keys: object,
    secrets: Sequence[bytes] = (),
    source: KeySource | None = None,
    clock: Callable[[], float] = lambda: NOW,
    **claims_policy: Any,
) -> JwtTokenVerifier:
    """Make a verifier as the container does.

    Args:
        *keys: The issuer's key set: signers or JWKs; an Ed25519 key by default.
        secrets: Shared secrets; there are none, and no HS256, by default.
        source: Where the public keys come from, instead of `keys`.
        clock: The time.
        **claims_policy: What is different from the strictest policy.
    """
    published = source or FixedKeys(read_key_set(key_set(*(keys or [signer("EdDSA")]))))
    sources: dict[str, KeySource] = dict.fromkeys(ASYMMETRIC_ALGORITHMS, published)
    if secrets:
        sources |= dict.fromkeys(HMAC_ALGORITHMS, SecretKeys(secrets))
    return JwtTokenVerifier(
        SignedTokens(sources),
        policy=policy(**claims_policy),
        to_principal=to_principal,
        clock=clock,
    )


async def refusal(text: str, **options: Any) -> AuthError:
    """Return why a token is refused; `options` are those of `verifier`, and `keys`."""
    keys = options.pop("keys", ())
    with pytest.raises(AuthError) as caught:
        await verifier(*keys, **options).verify(text)
    assert caught.value.__cause__ is None
    return caught.value


async def refuses(error: type[AuthError], text: str, **options: Any) -> None:
    """Check that a token is refused, and for which reason."""
    assert type(await refusal(text, **options)) is error
