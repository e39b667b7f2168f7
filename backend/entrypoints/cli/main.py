"""The command line: `python -m backend` runs these commands."""

from typing import Final

import typer

from backend.entrypoints.cli.inspection import ANY_ARGUMENTS, doctor, explain
from backend.entrypoints.cli.migration import migrate
from backend.entrypoints.cli.serving import dev, serve
from backend.entrypoints.cli.tokens import token

cli: Final = typer.Typer(
    help="A Todo API for users who signed in with Better Auth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

cli.command()(serve)
cli.command()(dev)
cli.command()(migrate)
cli.command()(token)
cli.command(context_settings=ANY_ARGUMENTS)(explain)
cli.command()(doctor)
