"""A command in this process, and the log as it was before."""

import logging

from typer.testing import CliRunner, Result

from backend.entrypoints.cli import cli


def run(*arguments: str, given: str | bytes | None = None, **environment: str) -> Result:
    """Run `python -m backend` with arguments, standard input and environment."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        return CliRunner().invoke(cli, list(arguments), input=given, env=environment)
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
