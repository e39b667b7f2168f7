"""Colours and tables on a terminal; plain text elsewhere."""

import sys

import pytest

from backend.entrypoints.cli import output

LINES = ["  ok    settings", "  FAIL  PORT: [red]in use[/red]", "        -> " + "word " * 60]


def become_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output look like a terminal with colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")


def test_a_terminal_gets_colours_and_the_same_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    become_terminal(monkeypatch)
    output.print_lines(LINES)
    text = capsys.readouterr().out
    assert "\x1b[32mok\x1b[0m" in text
    assert "\x1b[1;31mFAIL\x1b[0m" in text
    for code in ("\x1b[32m", "\x1b[1;31m", "\x1b[0m"):
        text = text.replace(code, "")
    assert text == "\n".join([*LINES, ""])


def test_a_terminal_gets_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    become_terminal(monkeypatch)
    output.print_table(["SETTING", "VALUE"], [["PORT", "[b]8000[/b]"]])
    text = capsys.readouterr().out
    assert "\u2500" in text
    assert "[b]8000[/b]" in text


@pytest.mark.parametrize("no_color", ["1", "true"])
def test_no_color_means_plain_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_color: str
) -> None:
    become_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", no_color)
    output.print_lines(LINES)
    output.print_table(["SETTING", "VALUE"], [["PORT", "8000"]])
    assert capsys.readouterr().out == "\n".join([*LINES, "SETTING  VALUE", "PORT     8000", ""])


def test_the_text_is_plain_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_lines(LINES)
    assert capsys.readouterr().out == "\n".join([*LINES, ""])
