"""Runs commands in this process, and checks how they end."""

from typer.testing import CliRunner, Result

from backend.entrypoints.cli.exits import MISCONFIGURED
from backend.entrypoints.cli.main import cli
from tests.log_state import restored_logging

HIDDEN = "must-not-be-printed"


def run(*arguments: str, stdin: str | bytes | None = None, **environment: str) -> Result:
    """Run `python -m backend` with arguments, standard input and environment variables."""
    environment = {"PORT": "0", **environment}  # so that no test needs a free port
    with restored_logging():  # a fixture of a module may run a command, before any test
        return CliRunner().invoke(cli, list(arguments), input=stdin, env=environment)


def assert_misconfigured(result: Result, *variables: str) -> None:
    """Check that a command rejected the configuration because of these variables."""
    assert result.exit_code == MISCONFIGURED
    assert result.stdout == ""
    title, gap, *complaints = result.stderr.splitlines()
    assert (title, gap) == ("The configuration is invalid:", "")
    assert [complaint.strip().partition(": ")[0] for complaint in complaints] == list(variables)
