"""What development mode has and production has not: a throw-away secret, and tokens by it."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypedDict

from backend.settings import Settings


class User(TypedDict):
    """The claims of a development token."""

    user_id: str
    email: str
    name: str


SECRET_FILE: Final = Path(".dev-secret")
USER: Final[User] = {"user_id": "dev", "email": "dev@example.com", "name": "Developer"}

_NO_SERVER: Final = (
    "BETTER_AUTH_SECRET: not set, and no development server runs in this folder. Start one with"
    " `make run`, then ask again."
)
NOTE: Final = (
    "Nothing is configured, so this is about the development server of this folder"
    f" ({SECRET_FILE}).\n`serve` would refuse to start: it needs BETTER_AUTH_URL or"
    " BETTER_AUTH_SECRET.\n"
)
_PRODUCTION: Final = (
    "BETTER_AUTH_URL: set, so tokens come from Better Auth, and none are minted here. Sign in"
    " there, and fetch one from /api/auth/token."
)


def make_secret() -> str:
    """Make a secret that nobody knows."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def secret(text: str | None = None) -> Iterator[str]:
    """Leave a secret in a file for `backend token`, for as long as the server lasts.

    Args:
        text: The secret; without one it is made.
    """
    text = text or make_secret()
    SECRET_FILE.unlink(missing_ok=True)  # a crashed server's, or one's that has another port
    try:
        descriptor = os.open(SECRET_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield text
    finally:
        with contextlib.suppress(FileNotFoundError):
            if text.startswith(SECRET_FILE.read_text()):  # else it is the next server's
                SECRET_FILE.unlink()


def settings() -> tuple[Settings, list[str]]:
    """Return the settings and what is wrong with them, or those of the development server."""
    if not serves_here():
        return Settings.read()
    return Settings.read(better_auth_secret=SECRET_FILE.read_text())


def serves_here() -> bool:
    """Tell whether nothing is configured, and a development server was started in this folder."""
    return SECRET_FILE.exists() and not Settings.names_an_issuer()


def signing_secret() -> tuple[str, list[str]]:
    """Return the secret that development tokens are signed with, and what speaks against it."""
    if not Settings.names_an_issuer():
        try:
            return SECRET_FILE.read_text(), []
        except FileNotFoundError:
            return "", [_NO_SERVER]
    settings, complaints = Settings.read()
    if settings.better_auth_url or settings.auth_jwks_url:
        complaints = [_PRODUCTION]
    return next(iter(settings.secrets), ""), complaints


def welcome(address: str, token: str | None, *, docs: bool) -> str:
    """Say where the server is, and how to talk to it."""
    documentation = f"  (its documentation at {address}/docs)" if docs else ""
    lines = ["", f"  The API is at  {address}{documentation}"]
    if token is None:
        lines += ["  Tokens come from the issuer that is configured."]
    else:
        lines += [
            "  This token is good for twelve hours, or until the server stops:",
            "",
            f"{token}",
            "",
            "  Try it:",
            "",
            f"curl -H 'Authorization: Bearer {token}' {address}/api/todos",
        ]
    return "\n".join([*lines, ""])
