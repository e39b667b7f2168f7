"""Storage in the memory of this process, for tests. A server does not import it."""

from typing import Final

from backend.adapters.persistence.memory import (
    InMemoryDatabase,
    InMemoryRevocationStore,
    InMemoryTodoRepository,
    InMemoryUserData,
)
from backend.container.repositories import Repositories


def _revocations(_database: InMemoryDatabase) -> InMemoryRevocationStore:
    return InMemoryRevocationStore()


REPOSITORIES: Final = Repositories(
    todos=InMemoryTodoRepository,
    user_data=InMemoryUserData,
    revocations=_revocations,
)
