"""The authentication part imports no module of the server, and no heavy module."""

import subprocess
import sys
from typing import Final

from tests.alone.environments import environment_with

# Packages and modules that authentication does not use.
UNUSED: Final = frozenset(
    {
        *("aiosqlite", "alembic", "asyncpg", "httptools", "prometheus_client", "sqlalchemy"),
        *("sqlite3", "typer", "uvicorn", "uvloop"),
        *("backend.adapters.auth.explain", "backend.adapters.persistence", "backend.testing"),
        *("backend.container.application", "backend.container.database"),
        *("backend.entrypoints.cli", "backend.entrypoints.http.app", "backend.entrypoints.server"),
        *("backend.entrypoints.http.metrics", "backend.entrypoints.http.todos"),
        "backend.entrypoints.http.pages",
    }
)

# Imports the public names, and prints the modules that are loaded, and whether TLS was set up.
CODE: Final = """
import ssl, sys
contexts = []
original = ssl.SSLContext.__new__
ssl.SSLContext.__new__ = lambda *args, **options: contexts.append(1) or original(*args, **options)
from backend.entrypoints.http import CurrentPrincipal, protect
print(*sys.modules)
print(len(contexts))
"""


def test_importing_authentication_imports_nothing_of_the_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        check=True,
        env=environment_with({}),
    )
    modules, contexts = done.stdout.splitlines()
    loaded = set(modules.split())
    assert {"backend.container.authentication", "fastapi"} <= loaded
    assert UNUSED & loaded == set()
    assert contexts == "0"  # certificates are read when the HTTP client is made
