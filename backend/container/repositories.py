"""What stores everything in the database of one product: see `postgres`, `sqlite` and `memory`."""

from collections.abc import Callable
from typing import NamedTuple

from backend.domain.revocation import RevocationStore
from backend.domain.todo_repository import TodoRepository
from backend.domain.user_data import UserData


class Repositories(NamedTuple):
    """Makes the implementation of each port from a database of the product.

    Attributes:
        todos: Takes the maximum number of todos of a user too, as `max_per_user`.
        user_data: Makes everything that is stored for users.
        revocations: Makes the store of revocations.
    """

    todos: Callable[..., TodoRepository]
    user_data: Callable[..., UserData]
    revocations: Callable[..., RevocationStore]
