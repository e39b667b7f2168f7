"""The log: text for people, JSON for machines, and no private data."""

import json
import logging
import sys

import pytest

from backend.entrypoints.server.logs import JsonFormatter, configure_logging
from backend.settings import Settings
from tests.settings.environment import SECRET

NOISY = ["aiosqlite", "alembic", "httpcore2", "httpx2"]


def configure(**values: str) -> None:
    configure_logging(Settings.load(better_auth_secret=SECRET, **values))


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    result = logging.LogRecord("backend.x", logging.WARNING, __file__, 1, message, args, None)
    result.__dict__.update(extra)
    result.created, result.msecs = 1_772_600_767.042, 42.0
    return result


def test_a_json_line_is_one_object() -> None:
    line = JsonFormatter().format(record("%d %s", 7, "things", request_id="request-1", other=1))
    assert json.loads(line) == {
        "timestamp": "2026-03-04T05:06:07.042Z",
        "level": "warning",
        "logger": "backend.x",
        "message": "7 things",
        "request_id": "request-1",
    }


@pytest.mark.parametrize(
    "text", ["two\nlines", '"quoted"', "\\", "\0\x1b[31m", "\u2028", "\ud800", "é\U0001f600", "{}"]
)
def test_no_text_breaks_a_json_line(text: str) -> None:
    line = JsonFormatter().format(record("%s", text, reason=text))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == json.loads(line)["reason"] == text


def test_a_json_line_contains_the_traceback() -> None:
    failure = record("it broke")
    try:
        int("seven")
    except ValueError:
        failure.exc_info = sys.exc_info()
    line = JsonFormatter().format(failure)
    assert "\n" not in line
    assert json.loads(line)["exception"].startswith("Traceback")


def test_every_line_of_the_json_log_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_format="json")
    log = logging.getLogger("backend.some.place")
    log.info("one", extra={"request_id": "request-1", "reason": "expired"})
    log.error("two\nlines")
    log.debug("not logged")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["one", "two\nlines"]
    assert (lines[0]["request_id"], lines[0]["reason"]) == ("request-1", "expired")


def test_the_console_log_contains_the_request_id(capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_format="console")
    logging.getLogger("backend.x").info("hello", extra={"request_id": "request-1"})
    logging.getLogger("backend.x").warning("bye")
    hello, bye = capfd.readouterr().err.splitlines()
    assert hello.endswith(" INFO    backend.x [request-1]: hello")
    assert bye.endswith(" WARNING backend.x [-]: bye")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_only_the_level_and_higher_levels_are_logged(
    level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(log_level=level)
    names = ["debug", "info", "warning", "error"]
    for name in names:
        logging.getLogger("backend.x").log(logging.getLevelNamesMapping()[name.upper()], name)
    logged = [line.split()[-1] for line in capfd.readouterr().err.splitlines()]
    assert logged == names[names.index(level) :]


@pytest.mark.parametrize("name", NOISY)
def test_noisy_libraries_log_warnings_only(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_level="debug")
    log = logging.getLogger(f"{name}.inner")
    for level in (logging.DEBUG, logging.INFO):
        log.log(level, "GET https://auth.example.com/?token=hunter2")
    log.warning("logged")
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("logged")


def test_configuring_twice_logs_each_line_once(capfd: pytest.CaptureFixture[str]) -> None:
    configure()
    configure()
    logging.getLogger("backend.x").warning("once")
    assert len(capfd.readouterr().err.splitlines()) == 1
