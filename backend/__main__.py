"""`todo-api`, and `python -m backend`."""

import sys
from typing import Final

_MODULE: Final = "python -m backend"


def main(program: str | None = None) -> None:
    """Run the command line.

    Args:
        program: The name of the program in help texts; by default, the name of its file.
    """
    try:
        from backend.entrypoints.cli.main import cli  # noqa: PLC0415 - needs the extra `server`

        cli(prog_name=program)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if missing.partition(".")[0] == __package__:
            raise
        sys.exit(
            f"The command line needs packages that are not installed, such as {missing}.\n"
            "Install them: python -m pip install 'secured-todo-api[server]'"
        )


if __name__ == "__main__":
    main(_MODULE)
