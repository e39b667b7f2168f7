"""A synchronous standby of a PostgreSQL server, made with `pg_basebackup`."""

from typing import Final

from tests.postgres import PostgresServer

_NAME: Final = "standby"


class Standby(PostgresServer):
    """A server that stores every commit of its primary before the client gets its answer.

    Args:
        primary: The running primary.
    """

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__(password=primary.password)
        self._primary = primary

    def promote(self) -> None:
        """Make this server the primary, and wait until it accepts writes."""
        self.execute("SELECT pg_promote()")

    def _create(self) -> None:
        """Copy the data of the primary, with the file that makes this server follow it."""
        self._run(
            "pg_basebackup",
            f"--pgdata={self._data}",
            f"--dbname={self._primary.superuser_url}?application_name={_NAME}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            **self._user,
        )

    def _prepare(self) -> None:
        """Let the primary wait for this server at every commit."""
        self._primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{_NAME}'")
        self._primary.execute("SELECT pg_reload_conf()")
