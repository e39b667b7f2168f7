"""Kills the servers of a program when the program has ended for any reason.

`with` blocks stop every server in the usual case. They do not run if the program is killed. The
guard is a process that waits for the end of its standard input, which the kernel closes.
"""

import contextlib
import subprocess
import sys
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]  # has no type stubs

from tests.e2e.processes import ROOT, environment


class Guard:
    """A process that kills other processes after this process has ended."""

    def __enter__(self) -> Self:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.resilience.guard"],
            cwd=ROOT,
            env=environment({"COVERAGE_PROCESS_CONFIG": ""}),
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # CTRL+C in a terminal does not end the guard
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._popen.communicate()

    def watch(self, pid: int) -> None:
        """Kill this process and its children, unless they end before this process."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{pid}\n")
        self._popen.stdin.flush()


def main() -> None:
    """Read process ids until the end of the input, then kill the processes that still run."""
    watched = []
    for line in sys.stdin:
        with contextlib.suppress(psutil.NoSuchProcess):
            watched.append(psutil.Process(int(line)))
    for process in watched:
        # psutil compares the start time, so it does not kill a process that reuses the id.
        with contextlib.suppress(psutil.NoSuchProcess):
            children = process.children(recursive=True)
            process.kill()
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()


if __name__ == "__main__":
    main()
