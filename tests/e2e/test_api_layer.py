"""The API layer of the page of `make demo` when the user changes."""

import subprocess
from pathlib import Path

from tests.e2e.better_auth import NODE
from tests.e2e.processes import environment


def test_nothing_of_a_user_reaches_the_next_user() -> None:
    tests = Path(__file__).parent / "api_layer.test.mjs"
    result = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", tests],
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=25,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "pass 5" in result.stdout
