"""What it was measured on: figures of two machines do not compare."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

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


def describe() -> list[str]:
    """Return the lines that describe the machine and the moment."""
    load = os.getloadavg()[0]
    busy = "otherwise idle" if load < 1 else "shared with other work, so take the ratios only"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}, {memory:.0f} GiB",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"Python {platform.python_version()} ({sys.implementation.name})",
        f"load {load:.1f} when the measurement began: {busy}",
    ]


def versions() -> list[str]:
    """Return the libraries that take part, with their versions."""
    return [f"{name} {version(name)}" for name in LIBRARIES]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
