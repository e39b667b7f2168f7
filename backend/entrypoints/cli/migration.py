"""The commands that change the database's schema."""

import typer

from backend.container import Container
from backend.entrypoints.cli.exits import complaints_of, exit_if_misconfigured
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings


def migrate() -> None:
    """Bring the database's schema up to date."""
    settings, complaints = Settings.read()
    exit_if_misconfigured(
        [complaint for complaint in complaints if complaint.concerns("DATABASE_URL")]
    )
    configure_logging(settings)
    exit_if_misconfigured(complaints_of(Container(settings=settings).upgrade_schema()))
    typer.echo("The schema is up to date.")
