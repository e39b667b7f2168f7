"""A command in this process."""

from typer.testing import CliRunner, Result

from backend.entrypoints.cli.main import cli


def run(*arguments: str, given: str | bytes | None = None, **environment: str) -> Result:
    """Run `python -m backend` with arguments, standard input and environment."""
    environment = {"PORT": "0", **environment}  # no test needs a port to be free
    return CliRunner().invoke(cli, list(arguments), input=given, env=environment)
