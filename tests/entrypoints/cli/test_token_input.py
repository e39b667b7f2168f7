"""How `explain` reads a token, and the log of the commands for the operator."""

import io
import os
import pty
import sys
from collections.abc import Iterator

import pytest

from backend.entrypoints.cli import inspection
from backend.settings import Settings
from backend.settings.values import LogFormat, LogLevel


def test_only_errors_are_logged_next_to_findings() -> None:
    settings = Settings(log_level=LogLevel.DEBUG, log_format=LogFormat.JSON)
    quiet = inspection.errors_only(settings)
    assert (quiet.log_level, quiet.log_format) == (LogLevel.ERROR, LogFormat.JSON)


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (b"", ""),
        (b" \r\n\t", ""),
        (b"a.b.c\r\n", "a.b.c"),
        (b"\xef\xbb\xbfa.b.c\n", "a.b.c"),
        (b"\xff\x00\xfe", "\ufffd\x00\ufffd"),
    ],
)
def test_a_token_is_read_from_any_bytes(
    monkeypatch: pytest.MonkeyPatch, stdin: bytes, expected: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
    assert inspection.read_token() == expected


def test_at_most_a_million_bytes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/zero", encoding="utf-8") as endless:  # noqa: PTH123 - as the shell opens it
        monkeypatch.setattr(sys, "stdin", endless)
        assert len(inspection.read_token()) == 1_000_000


def test_the_token_is_empty_without_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert inspection.read_token() == ""


@pytest.fixture
def terminal() -> Iterator[int]:
    """The user's end of a terminal; the other end is standard input."""
    user, other = pty.openpty()
    with (
        os.fdopen(other, "r", encoding="utf-8") as standard_input,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", standard_input)
        yield user
    os.close(user)


def test_a_terminal_is_asked_for_the_token_without_echo(
    terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []

    def getpass(prompt: str) -> str:
        prompts.append(prompt)
        return " a.b.c "

    monkeypatch.setattr("getpass.getpass", getpass)
    assert inspection.read_token() == "a.b.c"
    assert prompts == ["Token: "]
