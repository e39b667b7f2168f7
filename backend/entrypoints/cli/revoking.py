"""Revokes tokens before they expire, for the operator."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import typer

from backend.container import Container
from backend.domain.revocation import Revocation, RevocationKind, TooManyRevocationsError
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.cli.exits import complaints_of, exit_as_misused, exit_if_misconfigured
from backend.entrypoints.cli.output import print_json, printable
from backend.entrypoints.cli.partial_settings import read_partial_settings
from backend.settings import Complaint
from backend.settings.values import RevocationStorage

NOT_DONE: Final = 1

_VARIABLES: Final = (
    *("DATABASE_URL", "AUTH_REVOCATION", "AUTH_REVOCATION_MAX_AGE"),
    *("AUTH_MAX_LIFETIME", "AUTH_LEEWAY"),
)
_OFF: Final = Complaint(
    "AUTH_REVOCATION",
    "is off, so no server would read the revocation",
    "Set AUTH_REVOCATION=database here and for every server.",
)
_NOT_ONE: Final = "Name one thing to revoke: USER_ID, or --session SID, or --token JTI."
_INVALID_ID: Final = (
    "An id is printable text in UTF-8, not empty, without spaces around it. Nothing was revoked."
)
_BEFORE_WITHOUT_USER: Final = "--before needs USER_ID. Nothing was revoked."
_INVALID_TIME: Final = (
    "--before needs a time with its UTC offset that is not in the future, for example"
    " 2026-03-04T05:06:07Z. Nothing was revoked."
)
_JWT: Final = re.compile(r"eyJ[\w-]*\.[\w-]*\.[\w-]*")
_NOT_AN_ID: Final = (
    "This is a token, not an id: pass its claim sub, sid or jti. `explain` shows sub and hides the"
    " others. Nothing was revoked."
)
_SESSION_TOKEN: Final = re.compile(  # as it is, or URL-encoded
    r"[\w~+/%-]+\.(?:[A-Za-z0-9+/]|%2[BF]){43}(?:=|%3D)", re.ASCII | re.IGNORECASE
)
_NOT_A_SESSION_ID: Final = (
    "This is a session token, not an id. The id is in Better Auth's table `session`, in the column"
    " `id`. Nothing was revoked."
)
_PRIVILEGE: Final = "The role needs to write the table revocations: use that of the owner."
_NOUNS: Final = {
    RevocationKind.USER: "all tokens of the user",
    RevocationKind.SESSION: "all tokens of the session",
    RevocationKind.TOKEN: "the token",
}


def revoke(  # noqa: PLR0913 - the options of the command
    user_id: str | None,
    *,
    session: str | None,
    token: str | None,
    before: str | None,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """Revoke tokens; exit with 1 if the database refuses.

    Args:
        user_id: The user whose tokens are revoked.
        session: The session whose tokens are revoked, instead of a user.
        token: The id of the token that is revoked, instead of a user.
        before: When the user's tokens were issued at the latest; None for now.
        as_json: Whether to print JSON.
        env_file: The file of the option `--env-file`.
    """
    kind, value = _target(user_id, session, token)
    if before is not None and kind is not RevocationKind.USER:
        exit_as_misused(_BEFORE_WITHOUT_USER)
    issued_before = None if before is None else _seconds(before)
    container = _container(env_file)
    try:
        revocation = asyncio.run(
            container.revoke(kind=kind, value=value, issued_before=issued_before)
        )
    except ValueError:
        exit_as_misused(_INVALID_TIME)
    except TooManyRevocationsError as error:
        _exit(f"{error}. Replace the issuer's keys instead: see docs/rotate.md.")
    except RepositoryUnavailableError as error:
        _exit(f"Nothing was revoked: {error}. {_PRIVILEGE}")
    _report(revocation, as_json=as_json, max_age=container.settings().auth_revocation_max_age)


def _target(
    user_id: str | None, session: str | None, token: str | None
) -> tuple[RevocationKind, str]:
    values = {
        RevocationKind.USER: user_id,
        RevocationKind.SESSION: session,
        RevocationKind.TOKEN: token,
    }
    targets = [(kind, value) for kind, value in values.items() if value is not None]
    if len(targets) != 1:
        exit_as_misused(_NOT_ONE)
    ((kind, value),) = targets
    if _JWT.fullmatch(value):
        exit_as_misused(_NOT_AN_ID)  # does not quote the token
    if _SESSION_TOKEN.fullmatch(value):
        exit_as_misused(_NOT_A_SESSION_ID)
    if not _is_valid(value):
        exit_as_misused(_INVALID_ID)
    return kind, value


def _is_valid(value: str) -> bool:
    # A stray space or an invisible character from a copy would revoke nothing. Bytes of the command
    # line that are not UTF-8 are not printable either.
    return bool(value) and value.isprintable() and value.strip() == value


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        in_utc = moment.astimezone(UTC)  # OverflowError before the year 1
    except (ValueError, OverflowError):
        exit_as_misused(_INVALID_TIME)
    if moment.utcoffset() is None:
        exit_as_misused(_INVALID_TIME)
    return in_utc.timestamp()


def _container(env_file: Path | None) -> Container:
    settings = read_partial_settings(env_file, *_VARIABLES)
    if settings.auth_revocation is RevocationStorage.OFF:
        exit_if_misconfigured([_OFF])
    container = Container(settings=settings)
    exit_if_misconfigured(complaints_of(container.check_schema()))
    return container


def _report(revocation: Revocation, *, as_json: bool, max_age: float) -> None:
    expires = _iso(revocation.expires_at)
    before = None if revocation.issued_before is None else _iso(revocation.issued_before)
    if as_json:
        shown = {"kind": revocation.kind.value, "value": revocation.value}
        print_json({**shown, "issued_before": before, "expires_at": expires})
        return
    issued = f" that were issued before {before}" if before else ""
    typer.echo(f"Revoked {_NOUNS[revocation.kind]} {printable(revocation.value)}{issued}.")
    typer.echo(f"Servers refuse them within {max_age:g} s. The entry expires at {expires}.")


def _iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _exit(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(NOT_DONE)
