"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

EnvFile = Annotated[
    Path | None,
    typer.Option(help="A file with lines like NAME=value. The environment has priority."),
]
Host = Annotated[str | None, typer.Option(help="The address to listen on, instead of HOST.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on, instead of PORT.")]
Workers = Annotated[
    int | None, typer.Option(help="The number of worker processes, instead of WORKERS.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
