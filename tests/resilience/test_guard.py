"""The guard ends the servers of a program that was killed."""

import subprocess
import sys

import psutil  # type: ignore[import-untyped]  # has no type stubs

from tests.e2e.processes import ROOT

PROGRAM = """
import subprocess, sys, time
from tests.resilience.guard import Guard
with Guard() as guard:
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    guard.watch(server.pid)
    print(server.pid, flush=True)
    time.sleep(600)
"""


def test_servers_end_when_their_program_is_killed() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        server = psutil.Process(int(program.stdout.readline()))
        program.kill()
    ended, _ = psutil.wait_procs([server], timeout=20)
    assert ended == [server]
