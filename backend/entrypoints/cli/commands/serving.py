"""The commands that serve: `serve` in production, `dev` on a developer's machine, and `mcp`."""

from typing import Annotated

import typer

from backend.entrypoints.cli.commands.options import EnvFile, Host, Port, Workers
from backend.entrypoints.cli.imports import without_garbage_collection

Reload = Annotated[
    bool,
    typer.Option(
        "--reload/--no-reload", help="Restart the server when a file of the program changes."
    ),
]


def serve(
    host: Host = None, port: Port = None, workers: Workers = None, env_file: EnvFile = None
) -> None:
    """Serve in production. Refuses to start unless everything is configured."""
    with without_garbage_collection():
        from backend.entrypoints.cli import serving

    serving.serve(host=host, port=port, workers=workers, env_file=env_file)


def dev(
    *, host: Host = None, port: Port = None, env_file: EnvFile = None, reload: Reload = True
) -> None:
    """Serve for development: migrate first; without an issuer, use a secret of this folder.

    Reads the file .env of this folder, unless --env-file names another file. Keeps the secret in
    the file .dev-secret, so that tokens stay valid after a restart.
    """
    from backend.entrypoints.cli import development_server

    development_server.dev(host=host, port=port, env_file=env_file, reload=reload)


def mcp(
    host: Host = None, port: Port = None, workers: Workers = None, env_file: EnvFile = None
) -> None:
    """Serve the todos to assistants, over the Model Context Protocol. Needs the extra mcp."""
    with without_garbage_collection():
        from backend.entrypoints.cli import serving

    serving.mcp(host=host, port=port, workers=workers, env_file=env_file)
