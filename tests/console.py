"""Runs the commands of `console` blocks, and compares their output with the page."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.documents import Block, fenced_blocks

_TIMEOUT: Final = 60.0  # seconds, for all commands of a session
_MARK: Final = "--- end of command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a page, and the output that the page shows; `…` stands for any text."""

    text: str
    output: str


def commands(block: Block) -> list[Command]:
    """Return the commands of a block. A line that ends with a backslash goes on."""
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)\n?((?:(?!\$ ).*\n?)*)", block.text, re.MULTILINE)
    return [Command(text=text, output=output.strip()) for text, output in found]


def blocks_with(page: Path, start: str) -> list[Command]:
    """Return the commands of the only block of a page whose first command starts like this."""
    found = [
        commands(block)
        for block in fenced_blocks(page)
        if block.language == "console" and block.text.startswith(f"$ {start}")
    ]
    assert len(found) == 1, f"{page} must have one block that starts with {start!r}"
    return found[0]


def run_session(
    session: list[Command], folder: Path, *, replace: Mapping[str, str], env: Mapping[str, str]
) -> None:
    """Run commands in one shell. The output of each must have the lines that the page shows.

    Args:
        session: The commands.
        folder: Where the shell runs.
        replace: The texts to replace in commands and output, such as the port of a server.
        env: The environment variables of the shell.
    """

    def localized(text: str) -> str:
        for old, new in replace.items():
            text = text.replace(old, new)
        return text

    script = "".join(f"{localized(command.text)}\necho '{_MARK}'\n" for command in session)
    process = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],  # noqa: S607 - the shell of the reader
        cwd=folder,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    outputs = process.stdout.replace("\r\n", "\n").split(_MARK)
    for command, output in zip(session, outputs, strict=False):
        missing = _missing_line(localized(command.output), output)
        assert missing is None, f"{command.text}\n{output}\nThe page shows: {missing}"


def _missing_line(expected: str, actual: str) -> str | None:
    """Return the first line of the expected output that does not follow in the actual output."""
    lines = iter(actual.splitlines())
    for line in expected.splitlines():
        pattern = re.compile(re.escape(line).replace("…", ".*"))
        if not any(pattern.fullmatch(printed) for printed in lines):
            return line
    return None
