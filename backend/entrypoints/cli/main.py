"""The command line: `python -m backend` and `todo-api` run these commands."""

from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from backend import __version__
from backend.entrypoints.cli.commands.database import forget, migrate, revision, revoke
from backend.entrypoints.cli.commands.inspection import ANY_ARGUMENTS, config, doctor, explain
from backend.entrypoints.cli.commands.serving import dev, mcp, serve
from backend.entrypoints.cli.commands.tokens import token
from backend.entrypoints.cli.program import SCRIPT, is_script


class Commands(TyperGroup):
    """The commands. The help of a command does not import pydantic, because that import is slow."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option `--help`. typer would convert a default of None with pydantic."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


cli: Final = typer.Typer(
    cls=Commands,
    help="A Todo API for users who signed in with Better Auth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=is_script(),
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"{SCRIPT} {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
]


@cli.callback()
def options(*, version: Version = False) -> None:
    """Take the options that belong to no command."""


cli.command()(serve)
cli.command()(dev)
cli.command()(mcp)
cli.command()(migrate)
cli.command()(forget)
cli.command()(revoke)
cli.command()(token)
cli.command(context_settings=ANY_ARGUMENTS)(explain)
cli.command()(doctor)
cli.command()(config)
cli.command()(revision)
