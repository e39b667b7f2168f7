"""Development mode: a temporary secret in a file, and tokens that are signed with the secret."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypedDict

from backend.settings import Complaint, Settings


class User(TypedDict):
    """The user of a development token."""

    user_id: str
    email: str
    name: str


SECRET_FILE: Final = Path(".dev-secret")
USER: Final[User] = {"user_id": "dev", "email": "dev@example.com", "name": "Developer"}
NOTE: Final = (
    "Nothing is configured, so this command checks the development server of this folder"
    f" ({SECRET_FILE}).\n`serve` would refuse to start: it needs BETTER_AUTH_URL or"
    " BETTER_AUTH_SECRET.\n"
)
NOT_SERVED: Final = "Nothing is configured for `serve`: set BETTER_AUTH_URL or BETTER_AUTH_SECRET."

_NO_SERVER: Final = Complaint(
    "BETTER_AUTH_SECRET",
    "not set, and no development server runs in this folder",
    "Start a server with `make run`, then try again.",
)
_OTHER_ISSUER: Final = Complaint(
    "BETTER_AUTH_URL",
    "Better Auth issues the tokens, so this command cannot make a token",
    "Sign in to Better Auth, and fetch a token from /api/auth/token.",
)


def make_secret() -> str:
    """Return a new random secret."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def secret_file(secret: str) -> Iterator[str]:
    """Keep the secret in a file for `python -m backend token`, as long as the server runs.

    Args:
        secret: The secret of the development server.
    """
    SECRET_FILE.unlink(missing_ok=True)  # left by a crashed server, or owned by another server
    try:
        descriptor = os.open(SECRET_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
        yield secret
    finally:
        with contextlib.suppress(FileNotFoundError):
            # Remove our file, also if it was written only in part; keep the file of a newer server.
            if secret.startswith(SECRET_FILE.read_text()):
                SECRET_FILE.unlink()


def runs_here() -> bool:
    """Tell whether a development server runs in this folder, and no issuer is configured."""
    return SECRET_FILE.exists() and not Settings.names_an_issuer()


def read_settings() -> tuple[Settings, list[Complaint]]:
    """Read the settings, with the secret of the development server if that server runs here.

    Returns:
        The settings, and what is wrong with them.
    """
    if not runs_here():
        return Settings.read()
    return Settings.read(better_auth_secret=SECRET_FILE.read_text())


def signing_secret() -> tuple[str, list[Complaint]]:
    """Find the secret that signs development tokens.

    Returns:
        The secret, and the reasons why tokens must not be signed with it.
    """
    if not Settings.names_an_issuer():
        try:
            return SECRET_FILE.read_text(), []
        except FileNotFoundError:
            return "", [_NO_SERVER]
    settings, complaints = Settings.read()
    if settings.better_auth_url or settings.auth_jwks_url:
        complaints = [_OTHER_ISSUER]
    return next(iter(settings.secrets), ""), complaints


def welcome(address: str, token: str | None, *, docs: bool) -> str:
    """Write what `dev` prints at its start.

    Args:
        address: The URL of the server.
        token: A token to try the API with; None if another issuer is configured.
        docs: Whether the server has the page /docs.
    """
    documentation = f"  (documentation: {address}/docs)" if docs else ""
    lines = ["", f"  The API is at  {address}{documentation}"]
    if token is None:
        lines += ["  Get a token from the configured issuer."]
    else:
        lines += [
            "  This token is valid for 12 hours, or until the server stops:",
            "",
            token,
            "",
            "  Try it:",
            "",
            f"curl -H 'Authorization: Bearer {token}' {address}/api/todos",
        ]
    return "\n".join([*lines, ""])
