"""What it was measured on: figures of two machines do not compare."""

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
    """Return the lines that describe the machine and the moment."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{cores} core{'s' if cores > 1 else ''} of {_processor()}, {memory:.0f} GiB",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"{platform.python_implementation()} {' '.join(sys.version.split())}",
        f"other programs took {busy:.0%} of the processors just before",
    ]


def busy() -> float:
    """Return the part of the processors that others take while nothing of ours runs."""
    return psutil.cpu_percent(interval=2.0) / 100


def versions() -> list[str]:
    """Return the libraries that take part, with their versions."""
    return [f"{name} {version(name)}" for name in LIBRARIES]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
