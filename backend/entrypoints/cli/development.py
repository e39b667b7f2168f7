"""Development mode: the secret that a folder keeps, and what the command `dev` prints."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final, TypedDict

from backend.container import Container
from backend.settings import Complaint, Settings
from backend.settings.values import SECRET_MIN_BYTES


class User(TypedDict):
    """The user of the token that `dev` prints."""

    user_id: str
    email: str
    name: str


SECRET_FILE: Final = Path(".dev-secret")
USER: Final[User] = {"user_id": "dev", "email": "dev@example.com", "name": "Developer"}
SCOPES: Final = ("todos:read", "todos:write")
NOTE: Final = (
    "Nothing is configured, so this command checks the development server of this folder"
    f" ({SECRET_FILE}).\n`serve` would refuse to start: it needs BETTER_AUTH_URL or"
    " BETTER_AUTH_SECRET.\n"
)
NOT_SERVED: Final = "Nothing is configured for `serve`: set BETTER_AUTH_URL or BETTER_AUTH_SECRET."
REPLACED: Final = (
    f"{SECRET_FILE}: other users could read or change the file, or it has no secret. A new secret"
    " replaces it, so earlier tokens are invalid."
)
NO_SECRET: Final = Complaint(
    "BETTER_AUTH_SECRET",
    "not set, and this folder has no secret of a development server",
    "Start a server with `make run`, then try again.",
)

_OTHER_ISSUER: Final = Complaint(
    "BETTER_AUTH_URL",
    "Better Auth issues the tokens, so this command cannot make a token",
    "Sign in to Better Auth, and fetch a token from /api/auth/token.",
)
_MAX_BYTES: Final = 1024
# Windows has neither of the flags: do not follow a symbolic link, do not wait for a pipe.
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def make_secret() -> str:
    """Return a new random secret."""
    return secrets.token_hex(32)


def read_secret() -> str | None:
    """Return the secret that this folder keeps.

    Returns:
        None if there is no file, or if another user could have read or changed it.
    """
    try:
        descriptor = os.open(SECRET_FILE, _READ)
    except OSError:  # it is missing, a symbolic link, or the file of another user
        return None
    try:
        if not _is_private(os.fstat(descriptor)):
            return None
        secret = os.read(descriptor, _MAX_BYTES).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return secret if len(secret.encode()) >= SECRET_MIN_BYTES else None


def _is_private(status: os.stat_result) -> bool:
    """Tell whether a file is a regular file of this user, and of no other user."""
    if not hasattr(os, "getuid"):  # Windows has no owners and modes
        return stat.S_ISREG(status.st_mode)
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.getuid()
        and not stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    )


def is_unusable() -> bool:
    """Tell whether this folder has a file for the secret that `read_secret` does not accept."""
    return os.path.lexists(SECRET_FILE) and read_secret() is None


def keep_secret(secret: str) -> None:
    """Keep a secret in this folder. A file with another secret is replaced, and a link too."""
    if read_secret() == secret:
        return
    SECRET_FILE.unlink(missing_ok=True)
    descriptor = os.open(SECRET_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)


def is_configured_here() -> bool:
    """Tell whether this folder keeps a secret, and no issuer is configured."""
    return not Settings.names_an_issuer() and read_secret() is not None


def read_settings() -> tuple[Settings, list[Complaint]]:
    """Read the settings, with the secret of this folder if no issuer is configured.

    Returns:
        The settings, and what is wrong with them.
    """
    if not is_configured_here():
        return Settings.read()
    return Settings.read(better_auth_secret=read_secret())


def signing_settings() -> tuple[Settings, list[Complaint]]:
    """Read the settings for a development token, which the first secret signs.

    Returns:
        The settings, and the reasons why no token must be signed with them.
    """
    settings, complaints = read_settings()
    if not Settings.names_an_issuer():
        return settings, [] if settings.secrets else [NO_SECRET]
    if settings.better_auth_url or settings.auth_jwks_url:
        return settings, [_OTHER_ISSUER]
    return settings, complaints


def mint_token(secret: str, settings: Settings) -> str:
    """Return a token of the development user, which may do everything.

    Args:
        secret: The secret that signs the token.
        settings: The settings of the server.
    """
    scope = " ".join(SCOPES) if settings.auth_require_scopes else None
    token: str = Container.mint_token(secret, **USER, scope=scope)
    return token


def welcome(
    address: str,
    token: str | None,
    *,
    docs: bool,
    reload: bool = False,
    settings_file: Path | None = None,
) -> str:
    """Write what `dev` prints at its start.

    Args:
        address: The URL of the server.
        token: A token to try the API with; None if another issuer is configured.
        docs: Whether the server has the page /docs.
        reload: Whether the server restarts when a file changes.
        settings_file: The file that settings were read from, if any.
    """
    documentation = f"  (documentation: {address}/docs)" if docs else ""
    lines = ["", f"  The API is at  {address}{documentation}"]
    if settings_file:
        lines += [f"  Settings come from the environment, and from the file {settings_file}."]
    if reload:
        lines += ["  The server restarts when a file of the program changes."]
    if token is None:
        lines += ["  Get a token from the configured issuer."]
    else:
        lines += [
            f"  This token is valid for 12 hours, also after a restart ({SECRET_FILE}):",
            "",
            token,
            "",
            "  Try it:",
            "",
            f"curl -H 'Authorization: Bearer {token}' {address}/api/todos",
        ]
    return "\n".join([*lines, ""])
