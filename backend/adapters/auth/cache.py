"""A cache of verified tokens: limited in size, and emptied when a key is withdrawn.

A principal is never returned after its token has expired.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from backend.domain.auth import Principal, TokenVerifier
from backend.domain.diagnosis import TokenCacheState

_SIGNATURE_LENGTH: Final = 43  # base64url characters of the shortest signature (32 bytes)


class CachedTokenVerifier:
    """Caches the principals of tokens that another verifier accepted. Rejections are not cached.

    The cache key is Python's hash of the last 43 characters (the signature). The hash of the whole
    token is compared before a hit counts. Both are SipHash with a key that each process draws at
    random, so the token itself is not kept in memory, and an attacker without the token would have
    to guess 128 bits. The short key also makes a miss cheap for long tokens.

    Args:
        verifier: Verifies the tokens that are not cached. Every token that it accepts must end in
            at least 128 bits that cannot be predicted, as every signature does.
        size: The maximum number of cached tokens. The oldest is evicted first.
        epoch: Returns a number that changes when earlier results may no longer be valid.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        *,
        size: int,
        epoch: Callable[[], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._size = size
        self._epoch = epoch
        self._clock = clock
        self._cached_epoch = epoch()
        self._cached: dict[int, tuple[int, Principal]] = {}
        # A dict finds its oldest key slowly after many deletions, so a queue keeps the order.
        self._insertion_order: deque[int] = deque()
        self._hits = self._misses = 0

    def state(self) -> TokenCacheState:
        """Return the state of the cache now."""
        return TokenCacheState(
            hits=self._hits, misses=self._misses, tokens=len(self._cached), maximum=self._size
        )

    async def verify(self, token: str, /) -> Principal:
        """Verify a token, from the cache if possible.

        Args:
            token: The credential. Untrusted.

        Raises:
            AuthError: The token is not valid.
            VerifierUnavailableError: The verifier cannot decide now.
        """
        # Python hashes the bytes of a string and ignores the width of its characters, so an ASCII
        # string and a wider string of the same bytes have the same hash.
        if not token.isascii():
            return await self._verifier.verify(token)
        epoch = self._epoch()
        if epoch != self._cached_epoch:
            self._cached.clear()
            self._insertion_order.clear()
            self._cached_epoch = epoch
        key = hash(token[-_SIGNATURE_LENGTH:])
        entry = self._cached.get(key)
        if entry is not None and entry[0] == hash(token):
            _, principal = entry
            if principal.expires_at > self._clock():
                self._hits += 1
                return principal
        self._misses += 1
        principal = await self._verifier.verify(token)
        # A result counts only if the keys did not change while it was computed.
        if self._epoch() == self._cached_epoch == epoch:
            if key not in self._cached:
                self._insertion_order.append(key)
            self._cached[key] = (hash(token), principal)
            if len(self._insertion_order) > self._size:
                del self._cached[self._insertion_order.popleft()]
        return principal
