"""Replicas of the API behind Caddy, with an issuer and a database."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from backend.testing.issuer import Issuer
from tests.e2e.caddy import Caddy
from tests.resilience.guard import Guard
from tests.resilience.load import Load
from tests.resilience.replicas import Replica, start_all

POOL_SIZE: Final = 5  # connections of a worker; all workers fit into the limit of the test server
SHUTDOWN_DELAY: Final = 2  # seconds; more than the proxy needs to see that a replica stops
LIFETIME: Final = 3600 * 3  # seconds that a token is valid


class Stack:
    """Several replicas behind a proxy. Use it as a context manager.

    Args:
        folder: The folder of the log files.
        database_url: The migrated database.
        guard: Ends the processes if this program is killed.
        replicas: The number of replicas.
        env: Further environment variables of the replicas.

    Attributes:
        issuer: Publishes the keys that the tokens are signed with.
        replicas: The replicas.
        proxy: The proxy.
    """

    proxy: Caddy

    def __init__(
        self,
        folder: Path,
        database_url: str,
        guard: Guard,
        *,
        replicas: int = 3,
        env: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._guard = guard
        self.issuer = Issuer()
        variables = {
            **self.issuer.environment(DATABASE_URL=database_url),
            "DATABASE_POOL_SIZE": str(POOL_SIZE),
            "SHUTDOWN_DELAY": str(SHUTDOWN_DELAY),
            **(env or {}),
        }
        self.replicas: Sequence[Replica] = [
            Replica(f"replica-{number}", folder, variables, guard)
            for number in range(1, replicas + 1)
        ]
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            exits.enter_context(self.issuer)
            for replica in self.replicas:
                exits.callback(replica.close)
            start_all(self.replicas)
            self.proxy = Caddy(self._folder, [replica.port for replica in self.replicas])
            exits.callback(self.proxy.stop)
            exits.callback(self.proxy.kill)  # no client waits for an answer
            self._guard.watch(self.proxy.pid)
            self.proxy.wait_until_answer("/api/me", 401)  # from the API
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._exits.close()

    def load(self, *, users: int, rate: float) -> Load:
        """Return a load of users who have tokens of the issuer."""
        return Load(self.proxy.url, self._token, users=users, rate=rate)

    def _token(self, user_id: str) -> str:
        return self.issuer.token(sub=user_id, exp=int(time.time()) + LIFETIME)
