"""The kit needs the package without extras, and no test framework."""

import subprocess
import sys

from tests.alone.environments import environment_with

NOT_NEEDED = {"alembic", "fastapi", "httpx2", "pytest", "sqlalchemy", "typer", "uvicorn"}


def test_the_kit_imports_neither_the_server_nor_a_test_framework() -> None:
    code = "import sys, backend.testing; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=environment_with({}), capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert {"backend.testing.issuer", "cryptography", "http.server"} <= imported
    assert NOT_NEEDED & imported == set()
