"""Verified tokens remembered: bounded, never past their end, forgotten when a key goes."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from backend.domain.auth import Principal, TokenVerifier

_TAIL: Final = 43  # the characters of the shortest signature, of 32 bytes


class CachedTokenVerifier:
    """Remembers what another verifier accepted; refusals are not remembered.

    A token is remembered by two hashes of Python's (SipHash, keyed anew by every process): one of
    its end, which holds a signature, and one of all of it. So no token lies in memory once more,
    and to be taken for one that is remembered, another text must hit both, by luck. What was never
    seen is told by its end, before anything of its length is done to it.

    Args:
        verifier: Whom to ask about a token that is not remembered. It must accept only tokens that
            end in at least 128 bits that nobody can foretell, as every signature does.
        size: The most tokens to remember; the oldest goes first.
        epoch: A number that changes whenever earlier verdicts may no longer hold.
        clock: The time in seconds since the epoch.
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
        self._remembered_in = epoch()
        self._remembered: dict[int, tuple[int, Principal]] = {}
        self._order: deque[int] = deque()  # a dict looks for its oldest among all that are gone

    async def verify(self, token: str, /) -> Principal:
        """Verify one token, from memory if it can be.

        Args:
            token: The credential. Untrusted.

        Raises:
            AuthError: The token is not valid.
            VerifierUnavailableError: Nobody can tell at the moment.
        """
        if not token.isascii():  # whose hashes do not tell how wide its characters are
            return await self._verifier.verify(token)
        epoch = self._epoch()
        if epoch != self._remembered_in:
            self._remembered.clear()
            self._order.clear()
            self._remembered_in = epoch
        place = hash(token[-_TAIL:])
        found = self._remembered.get(place)
        if found is not None and found[0] == hash(token):
            _, principal = found
            if principal.expires_at > self._clock():
                return principal
        principal = await self._verifier.verify(token)
        if self._epoch() == self._remembered_in == epoch:  # no verdict of keys that changed since
            if place not in self._remembered:
                self._order.append(place)
            self._remembered[place] = (hash(token), principal)
            if len(self._order) > self._size:
                del self._remembered[self._order.popleft()]
        return principal
