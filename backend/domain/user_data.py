"""The port for everything that is stored for a user, of whatever kind."""

from collections.abc import Mapping
from typing import Protocol


class UserData(Protocol):
    """Everything that is stored for a user: todos, idempotency keys, and whatever else there is."""

    async def remove(self, user_id: str, /) -> Mapping[str, int]:
        """Delete everything that is stored for a user, in one transaction.

        A request of the same user that runs at the same time happens either before the deletion or
        after the deletion. What a request stores after the deletion stays.

        Returns:
            How many entries were deleted, by kind, such as `todos`. Each is 0 if there were none.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time. Then either
                everything was deleted, or nothing was.
        """
        ...
