"""The machine of a run: figures of two machines cannot be compared."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

LIBRARIES = (
    "cryptography",
    "PyJWT",
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
    "uvloop",
    "httptools",
    "asyncpg",
    "aiosqlite",
    "SQLAlchemy",
    "dependency-injector",
    "joserfc",
    "Authlib",
    "python-jose",
    "auth0-fastapi-api",
    "fastapi-users",
    "fastapi-better-auth-bridge",
)


def describe(busy: float) -> list[str]:
    """Return the date, the machine and the Python version, a line each."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{cores} core{'s' if cores > 1 else ''} of {_processor()}, {memory:.0f} GiB",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"{platform.python_implementation()} {' '.join(sys.version.split())}",
        f"CPU use by other programs before the run: {busy:.0%}",
    ]


def busy() -> float:
    """Return the share of the CPU, from 0 to 1, that other programs use while no benchmark runs."""
    return psutil.cpu_percent(interval=2.0) / 100


def versions() -> list[str]:
    """Return the measured libraries with their versions."""
    return [f"{name} {version(name)}" for name in LIBRARIES]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
