"""PostgreSQL servers that write durably, and a standby that follows its primary."""

from contextlib import suppress
from typing import Final

import psutil  # type: ignore[import-untyped]  # has no type stubs

from tests.postgres import PostgresServer
from tests.resilience.guard import Guard

_STANDBY: Final = "standby"


class DurableServer(PostgresServer):
    """A server whose data survives a crash.

    Args:
        guard: Ends the server if this program is killed.
        password: The password of every role; a random password by default.
    """

    def __init__(self, guard: Guard, *, password: str | None = None) -> None:
        super().__init__(password=password)
        self.guard: Final = guard

    def start(self, *, durable: bool = True) -> None:
        """Start the server."""
        super().start(durable=durable)
        if self.pid is not None:
            self.guard.watch(self.pid)

    def freeze(self) -> None:
        """Stop every process where it is: connections stay open, and nothing answers."""
        process = psutil.Process(self.pid)
        for child in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                child.suspend()

    def stop(self) -> None:
        """Stop the server, also after `freeze`."""
        if self.pid is not None and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED:
            self.kill()
        super().stop()

    def sessions(self) -> int:
        """Return the number of sessions of clients."""
        query = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return int(self.execute(query))


class Standby(DurableServer):
    """A server that stores every commit of its primary before the client gets its answer.

    Args:
        primary: The running primary.
    """

    def __init__(self, primary: DurableServer) -> None:
        super().__init__(primary.guard, password=primary.password)
        self._primary = primary

    def promote(self) -> None:
        """Make this server the primary, and wait until it accepts writes."""
        self.execute("SELECT pg_promote()")

    def _create(self) -> None:
        """Copy the data of the primary, with the file that makes this server follow it."""
        self._run(
            "pg_basebackup",
            f"--pgdata={self._data}",
            f"--dbname={self._primary.superuser_url}?application_name={_STANDBY}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            **self._user,
        )

    def _prepare(self) -> None:
        """Let the primary wait for this server at every commit."""
        self._primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{_STANDBY}'")
        self._primary.execute("SELECT pg_reload_conf()")
