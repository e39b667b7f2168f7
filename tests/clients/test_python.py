"""The OpenAPI document gives a Python client that passes a type check and works."""

import shutil
import sys
from pathlib import Path
from typing import Final

from tests.clients.conftest import HERE, PAGE, Api, require, run
from tests.documents import blocks
from tests.e2e.processes import ROOT

BIN: Final = ROOT / ".venv-clients" / "bin"


def test_a_python_client_is_generated_checked_and_uses_every_operation(
    api: Api, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(HERE / "client.py", folder)
    (folder / "todo_client.yaml").write_text(blocks("yaml", PAGE)["todo_client.yaml"])
    require(BIN / "openapi-python-client")
    command = api.command_of_the_page("openapi-python-client generate")
    output = run([BIN / command[0], *command[1:], "--fail-on-warning"], folder, BIN)
    assert "warning" not in output.lower()
    python, cache = BIN / "python", f"--cache-dir={tmp_path / 'cache'}"
    mypy = [sys.executable, "-m", "mypy", f"--config-file={HERE / 'mypy.ini'}", cache]
    run([*mypy, f"--python-executable={python}", "client.py", "todo_client"], folder, BIN)
    output = run([python, "-W", "error", "client.py"], folder, BIN, api.env)
    assert "All operations work." in output
    assert api.unused_operations() == set()
