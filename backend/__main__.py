"""`python -m backend`."""

from backend.entrypoints.cli.main import cli

if __name__ == "__main__":
    cli(prog_name="python -m backend")
