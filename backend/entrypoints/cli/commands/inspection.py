"""The commands for the operator: `explain`, `doctor` and `config`."""

from typing import Any, Final

import typer

from backend.entrypoints.cli.commands.options import EnvFile, Host, Json, Port, Workers

ANY_ARGUMENTS: Final[dict[str, Any]] = {
    # `explain` accepts arguments to reject them: typer's own message would repeat the token.
    "allow_extra_args": True,
    "ignore_unknown_options": True,
}


def explain(context: typer.Context, *, json: Json = False, env_file: EnvFile = None) -> None:
    """Explain why a token or session cookie is accepted or rejected. Reads standard input."""
    from backend.entrypoints.cli import inspection

    inspection.explain(context.args, as_json=json, env_file=env_file)


def doctor(*, json: Json = False, env_file: EnvFile = None) -> None:
    """Check settings, keys, clock, database and migrations, and say how to fix each problem."""
    from backend.entrypoints.cli import inspection

    inspection.doctor(as_json=json, env_file=env_file)


def config(
    *,
    json: Json = False,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    env_file: EnvFile = None,
) -> None:
    """Print every setting of the server and where its value comes from. Shows no secret."""
    from backend.entrypoints.cli import configuration

    options = {"host": host, "port": port, "workers": workers}
    configuration.config(options, as_json=json, env_file=env_file)
