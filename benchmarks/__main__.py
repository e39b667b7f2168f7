"""`make bench`: runs every measurement, or those that are named, and writes what they found."""

import importlib
import subprocess
import sys
import time

from benchmarks.harness import report

ALL = ("verify", "http", "storage", "fairness", "loop", "start", "growth")


def main() -> None:
    named = sys.argv[1:] or ALL
    unknown = [name for name in named if name not in ALL]
    if unknown:
        sys.exit(f"no such measurement: {', '.join(unknown)}; there are {', '.join(ALL)}")
    for name in named:
        started = time.monotonic()
        print(f"== {name} ...", flush=True)
        # A process of its own for each, so that none inherits another's memory and caches.
        done = subprocess.run([sys.executable, "-m", "benchmarks", "--one", name], check=False)
        if done.returncode:
            sys.exit(done.returncode)
        print(f"== {name}: {time.monotonic() - started:.0f} s", flush=True)
    report.write_summary(ALL)


def one(name: str) -> None:
    result = importlib.import_module(f"benchmarks.{name}").measure()
    result.end()
    report.write(result)
    print(result.markdown())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
    else:
        main()
