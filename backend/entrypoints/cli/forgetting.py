"""Deletes everything that is stored for a user, after the operator has confirmed this."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

import typer

from backend.container import Container
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.cli.exits import complaints_of, exit_as_misused, exit_if_misconfigured
from backend.entrypoints.cli.output import print_json, printable
from backend.entrypoints.cli.partial_settings import read_partial_settings

NOT_DONE: Final = 1

_INVALID_ID: Final = "USER_ID: a user id is text in UTF-8, and not empty. Nothing was deleted."
_NOT_CONFIRMED: Final = (
    "forget asks before it deletes, and standard input is not a terminal. Nothing was deleted."
    " Add --yes to delete without a question."
)


def forget(user_id: str, *, yes: bool, as_json: bool, env_file: Path | None) -> None:
    """Delete everything of a user; exit with 1 if the operator or the database refuses.

    Args:
        user_id: The user.
        yes: Whether to delete without a question.
        as_json: Whether to print JSON.
        env_file: The file of the option `--env-file`.
    """
    if not _is_valid(user_id):
        exit_as_misused(_INVALID_ID)
    if not yes and not _can_ask():
        exit_as_misused(_NOT_CONFIRMED)
    settings = read_partial_settings(env_file, "DATABASE_URL")
    container = Container(settings=settings)
    exit_if_misconfigured(complaints_of(container.check_schema()))
    shown = printable(user_id)
    question = f"Delete everything that is stored for the user {shown}? This cannot be undone."
    if not yes and not typer.confirm(question, err=True):
        _exit("Nothing was deleted.")
    try:
        deleted = asyncio.run(_remove(container, user_id))
    except RepositoryUnavailableError as error:
        _exit(f"The database is unavailable: {error}. Try again.")
    if as_json:
        print_json({"user_id": user_id, "deleted": dict(deleted)})
    elif not any(deleted.values()):
        typer.echo(f"Nothing was stored for the user {shown}.")
    else:
        typer.echo(f"Deleted everything that was stored for the user {shown}:")
        for kind, count in deleted.items():
            typer.echo(f"  {kind}: {count}")


def _is_valid(user_id: str) -> bool:
    try:
        return bool(user_id.encode())
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8
        return False


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


async def _remove(container: Container, user_id: str) -> Mapping[str, int]:
    async with container.database():
        deleted: Mapping[str, int] = await container.user_data().remove(user_id)
        return deleted


def _exit(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(NOT_DONE)
