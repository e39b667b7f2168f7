"""Searches: lists with `q`, which read every todo of their user.

A search of ten thousand long todos can take a processor for seconds. So a user runs few of them at
a time, each for a short time, and all searches together leave connections for everything else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from backend.adapters.persistence.permits import FairPermits
from backend.domain.todo_repository import RepositoryUnavailableError, SearchTimeoutError

SEARCHES_PER_USER: Final = 2  # at the same time, in this process
SEARCH_TIMEOUT: Final = 1.0  # seconds, for the statement
QUEUE_TIMEOUT: Final = 2.0  # seconds, to wait behind other searches


class Searches:
    """Admits searches of this process, a few at a time.

    Args:
        connections: The number of connections that searches share with other calls.
    """

    def __init__(self, connections: int) -> None:
        size = max(1, connections // 2)
        # A user has fewer permits than there are, so that another user's search finds a permit.
        share = min(SEARCHES_PER_USER, max(1, size // 2))
        self._permits = FairPermits(size, share=share)

    @asynccontextmanager
    async def admit(self, user_id: str) -> AsyncIterator[None]:
        """Wait for the user's turn. The search runs inside the `with` block.

        Raises:
            SearchTimeoutError: The turn did not come in time, or the search took too long.
        """
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT):
                await self._permits.acquire(user_id)
        except TimeoutError as error:
            raise SearchTimeoutError("too many searches at the same time") from error
        try:
            yield
        except RepositoryUnavailableError as error:
            if not isinstance(error.__cause__, TimeoutError):
                raise
            raise SearchTimeoutError("the search took too long") from error
        finally:
            self._permits.release(user_id)
