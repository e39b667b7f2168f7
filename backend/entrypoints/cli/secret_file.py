"""The secret of development mode, which a folder keeps in the file `.dev-secret`."""

import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from backend.settings.values import SECRET_MIN_BYTES

SECRET_FILE: Final = Path(".dev-secret")
REPLACED: Final = (
    f"{SECRET_FILE}: other users could read or change the file, or it has no secret. A new secret"
    " replaces it, so earlier tokens are invalid."
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
        None if there is no file, or if another user could have read or changed the file.
    """
    try:
        descriptor = os.open(SECRET_FILE, _READ)
    except OSError:  # the file is missing, a symbolic link, or owned by another user
        return None
    try:
        if not _is_private(os.fstat(descriptor)):
            return None
        secret = os.read(descriptor, _MAX_BYTES).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return secret if len(secret.encode()) >= SECRET_MIN_BYTES else None


def _is_private(status: os.stat_result) -> bool:
    """Return whether a file is a regular file of this user, and of no other user."""
    if not hasattr(os, "getuid"):  # Windows has no owners and modes
        return stat.S_ISREG(status.st_mode)
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.getuid()
        and not stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    )


def is_unusable() -> bool:
    """Return whether this folder has a file for the secret that `read_secret` does not accept."""
    return os.path.lexists(SECRET_FILE) and read_secret() is None


def keep_secret(secret: str) -> None:
    """Keep a secret in this folder. A file with another secret is replaced, and a link too.

    Raises:
        OSError: The file cannot be written.
    """
    if read_secret() == secret:
        return
    # Readers see the whole file or none. Only this user can read a file of `mkstemp`.
    descriptor, name = tempfile.mkstemp(dir=".", prefix=f"{SECRET_FILE}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
        Path(name).replace(SECRET_FILE)
    except OSError:
        Path(name).unlink()
        raise
