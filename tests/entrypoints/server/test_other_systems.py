"""The server starts without the modules that other systems than Linux lack."""

from pathlib import Path
from typing import Final

from tests.documents import ROOT, text_of
from tests.e2e.backend import NO_COVERAGE, Backend
from tests.e2e.databases import Database

# The modules of the standard library that Windows lacks, and uvloop.
MISSING: Final = ("fcntl", "grp", "pwd", "resource", "termios", "uvloop")

PAGE: Final = Path("docs/windows-and-macos.md")


def test_the_server_answers_without_what_windows_lacks(tmp_path: Path) -> None:
    database = Database.create_sqlite(tmp_path)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # An entry that is None makes `import` raise ModuleNotFoundError.
    program = f"import sys\nsys.modules.update(dict.fromkeys({MISSING}))\n"
    (hidden / "sitecustomize.py").write_text(program)
    env = {
        "BETTER_AUTH_SECRET": "s" * 32,
        "DATABASE_URL": database.url,
        "PYTHONPATH": f"{hidden}:{ROOT}",
        **NO_COVERAGE,
    }
    backend = Backend("without POSIX", log=tmp_path / "log", env=env)
    try:
        assert backend.client.get("/health/ready").json()["status"] == "ok"
        assert backend.client.get("/api/me").status_code == 401
    finally:
        backend.stop()


def test_the_page_installs_as_make_does() -> None:
    words = ("--no-deps", "--require-hashes", "--only-binary :all:", "-r")
    makefile = " ".join((ROOT / "Makefile").read_text().split())
    for text in (makefile, *text_of(PAGE).split("pip install")[1:]):
        assert [word for word in words if word not in text] == []
