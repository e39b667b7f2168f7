"""The command that makes a token for development."""

from datetime import timedelta
from typing import Annotated

import typer

from backend.container import Container
from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import EnvFile, export_variables
from backend.entrypoints.cli.exits import exit_if_misconfigured

User = Annotated[str, typer.Option("--user", help="The user's id.")]
Email = Annotated[str | None, typer.Option(help="The user's e-mail address.")]
Name = Annotated[str | None, typer.Option(help="The user's name.")]
Scope = Annotated[str | None, typer.Option(help="The scopes, separated by spaces.")]
Minutes = Annotated[int, typer.Option(min=1, help="How long the token is valid.")]


def token(  # noqa: PLR0913, PLR0917 - the options of the command
    user_id: User = development.USER["user_id"],
    email: Email = None,
    name: Name = None,
    scope: Scope = None,
    minutes: Minutes = 60,
    env_file: EnvFile = None,
) -> None:
    """Make a token for the development server. Refuses if tokens come from Better Auth.

    Reads the file .env of this folder as the server does.
    """
    export_variables(env_file, development=True)
    secret, complaints = development.signing_secret()
    exit_if_misconfigured(complaints)
    lifetime = timedelta(minutes=minutes)
    claims = {"user_id": user_id, "email": email, "name": name, "scope": scope}
    typer.echo(Container.mint_token(secret, **claims, lifetime=lifetime))
