"""Where verification keys come from: the ports, and the shared secrets."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from backend.adapters.auth.jose.jwk import VerificationKey, secret_key
from backend.domain.diagnosis import KeySetState


class KeySource(Protocol):
    """Finds the keys that may have signed a token."""

    def known(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return or raise the result of `find` if it needs no waiting; otherwise return no key."""
        ...

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return the keys to try: at least one, and all fit the algorithm.

        Args:
            algorithm: The token's `alg`. Untrusted.
            kid: The token's `kid`. Untrusted.

        Raises:
            InvalidAlgorithmError: The key with this id does not fit the algorithm.
            UnknownKeyError: There is no such key.
            VerifierUnavailableError: The keys are unavailable, so the key may exist.
        """
        ...

    async def recheck(self) -> bool:
        """Look for new keys because no key verifies a signature; return whether keys changed."""
        ...


class IssuerKeys(KeySource, AbstractAsyncContextManager[Any], Protocol):
    """The key set of an issuer, which changes. It is fetched inside `async with`."""

    async def check(self) -> None:
        """Raise `VerifierUnavailableError` if there are no usable keys."""
        ...

    def epoch(self) -> int:
        """Return a number that changes when an earlier verification may no longer be valid."""
        ...

    def state(self) -> KeySetState:
        """Return the state of the key set."""
        ...


class SecretKeys:
    """The shared secrets: the current secret and its predecessors.

    Args:
        secrets: The secrets' bytes, the current secret first.

    Raises:
        UnusableKeyError: A secret is too short, or is a public key.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(secret_key(secret) for secret in secrets)

    def known(self, _algorithm: str, _kid: str | None, /) -> Sequence[VerificationKey]:
        """Return every secret, because HMAC tokens need not have a key id."""
        return self._keys

    async def find(self, algorithm: str, kid: str | None, /) -> Sequence[VerificationKey]:
        """Return every secret, without waiting."""
        return self.known(algorithm, kid)

    async def recheck(self) -> bool:
        """Return False, because the secrets do not change."""
        return False
