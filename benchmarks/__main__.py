"""`make bench`: run all measurements, or the named ones, and write their results."""

import importlib
import subprocess
import sys
import time

from benchmarks.harness import report

MEASUREMENTS = ("verify", "http", "storage", "fairness", "loop", "start", "growth", "cost")


def main() -> None:
    names = sys.argv[1:] or MEASUREMENTS
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.exit(
            f"unknown measurement: {', '.join(unknown)}; choose from {', '.join(MEASUREMENTS)}"
        )
    for name in names:
        started = time.monotonic()
        print(f"== {name} ...", flush=True)
        # Each measurement runs in a new process, with empty caches and no memory of the others.
        process = subprocess.run([sys.executable, "-m", "benchmarks", "--run", name], check=False)
        if process.returncode:
            sys.exit(process.returncode)
        print(f"== {name}: {time.monotonic() - started:.0f} s", flush=True)
    report.write_summary(MEASUREMENTS)


def run(name: str) -> None:
    result = importlib.import_module(f"benchmarks.{name}").measure()
    result.end()
    report.write(result)
    print(result.markdown())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2])
    else:
        main()
