"""The port for all stored data of a user."""

from collections.abc import Mapping
from typing import Protocol


class UserData(Protocol):
    """Port: all stored data of a user, for example todos and idempotency keys."""

    async def remove(self, user_id: str, /) -> Mapping[str, int]:
        """Delete everything that is stored for a user, in a single transaction.

        A request of the same user that runs at the same time happens either before the deletion or
        after the deletion. Data that a request stores after the deletion stays.

        Returns:
            The number of deleted entries of each kind, such as `todos`. A kind without entries has
            0.

        Raises:
            RepositoryUnavailableError: The database cannot be reached, or not in time. Either
                everything was deleted, or nothing was deleted.
        """
        ...
