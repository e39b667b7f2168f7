"""Fixtures: a server whose OpenAPI document the clients are generated from."""

import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from tests.documents import text_of
from tests.e2e.backend import NO_COVERAGE, Backend
from tests.e2e.databases import Database
from tests.e2e.processes import environment
from tests.e2e.servers import Servers

HERE: Final = Path(__file__).parent
PAGE: Final = Path("docs/clients.md")
PAGE_URL: Final = "http://127.0.0.1:8000"
SECRET: Final = "known to the tests of generated clients alone"
TIMEOUT: Final = 120  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A running server.

    Attributes:
        backend: The server.
        env: Environment variables for the program that uses a client: `API_URL` and `API_TOKEN`.
    """

    backend: Backend
    env: Mapping[str, str]

    def document(self) -> Any:
        """Return the OpenAPI document."""
        return self.backend.client.get("/openapi.json").raise_for_status().json()

    def unused_operations(self) -> set[str]:
        """Return the operations of this project that no request has used, from the metrics."""
        metrics = self.backend.client.get("/metrics").text
        used = set(re.findall(r'seconds_count\{method="(\w+)",route="([^"]+)"', metrics))
        return {
            f"{method.upper()} {path}"
            for path, item in self.document()["paths"].items()
            for method in item
            if (method.upper(), path) not in used
            and path.startswith(("/api/me", "/api/todos", "/health/"))
        }

    def command_of_the_page(self, start: str) -> list[str]:
        """Return the command of docs/clients.md that starts like this, for this server."""
        lines = re.findall(rf"^\$ ({re.escape(start)}.*)$", text_of(PAGE), re.MULTILINE)
        assert len(lines) == 1, f"{PAGE} must have one command that starts with {start!r}"
        return shlex.split(lines[0].replace(PAGE_URL, self.backend.url))


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A server with a new database, which serves its OpenAPI document."""
    database = Database.create_sqlite(tmp_path)
    with Servers(tmp_path, DATABASE_URL=database.url, **NO_COVERAGE) as servers:
        backend = servers.backend(BETTER_AUTH_SECRET=SECRET, DOCS="on")
        claims = {"sub": "ada", "exp": int(time.time()) + 600}
        token = jwt.encode(claims, SECRET, algorithm="HS256")
        yield Api(backend=backend, env={"API_URL": backend.url, "API_TOKEN": token})


def run(
    command: Sequence[str | Path], folder: Path, path: Path, env: Mapping[str, str] | None = None
) -> str:
    """Run a command, which must succeed, and return its output.

    Args:
        command: The command.
        folder: Where it runs.
        path: The folder of programs that comes first in `PATH`.
        env: Further environment variables.
    """
    variables = environment({**NO_COVERAGE, **(env or {})})
    process = subprocess.run(
        command,
        cwd=folder,
        env={**variables, "PATH": f"{path}:{variables['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


def require(program: Path) -> Path:
    """Return a program that `make test` installs. A test that cannot run fails; it is not skipped.

    Raises:
        FileNotFoundError: The program is missing.
    """
    if not program.exists():
        raise FileNotFoundError(f"{program} is missing. Run `make clients` to install it.")
    return program
