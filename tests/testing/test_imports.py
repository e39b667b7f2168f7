"""What the kit needs: the package without extras, and nothing of a test framework."""

import os
import subprocess
import sys

NOT_NEEDED = {"alembic", "fastapi", "httpx2", "pytest", "sqlalchemy", "typer", "uvicorn"}


def test_the_kit_imports_neither_the_server_nor_a_test_framework() -> None:
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}
    code = "import sys, backend.testing; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert {"backend.testing.issuer", "cryptography", "http.server"} <= imported
    assert NOT_NEEDED & imported == set()
