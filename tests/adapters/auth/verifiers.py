"""Makes the verifier under test with fixed keys, and checks that it rejects tokens."""

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
from backend.testing.signers import key_set, signer
from tests.adapters.auth.tokens import ISSUER, NOW

UNSET: Final = frozenset[str]()  # as `issuers` or `audiences`: none are configured


class FixedKeys:
    """A key source with a key set that never changes.

    Attributes:
        asked: The algorithm and kid of each lookup, in order.
    """

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self.asked: list[tuple[str, str | None]] = []

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        self.asked.append((algorithm, kid))
        return self._keys.match(algorithm, kid)

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        keys = self.known(algorithm, kid)
        if not keys:
            raise UnknownKeyError("no such key")
        return keys

    async def recheck(self) -> bool:
        return False


def policy(**changes: Any) -> ClaimsPolicy:
    defaults: dict[str, Any] = {"issuers": frozenset({ISSUER}), "audiences": frozenset({ISSUER})}
    return ClaimsPolicy(**{**defaults, **changes})


def verifier(
    *keys: object,
    secrets: Sequence[bytes] = (),
    source: KeySource | None = None,
    clock: Callable[[], float] = lambda: NOW,
    **claims_policy: Any,
) -> JwtTokenVerifier:
    """Make a verifier as the container does.

    Args:
        *keys: The issuer's key set: signers or JWKs. An Ed25519 key by default.
        secrets: The shared secrets. None by default, and then HS256 is not accepted.
        source: The source of the public keys, instead of `keys`.
        clock: Returns the time in seconds since the epoch.
        **claims_policy: Fields of `ClaimsPolicy` that differ from the defaults of `policy`.
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


async def rejection(text: str, *keys: object, **options: Any) -> AuthError:
    """Return the error that a token is rejected with. `keys` and `options` go to `verifier`."""
    with pytest.raises(AuthError) as caught:
        await verifier(*keys, **options).verify(text)
    assert caught.value.__cause__ is None
    return caught.value


async def assert_rejected(error: type[AuthError], text: str, *keys: object, **options: Any) -> None:
    """Check that a token is rejected with exactly this error."""
    assert type(await rejection(text, *keys, **options)) is error
