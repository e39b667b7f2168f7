"""The log: lines for people or for machines, and never what is nobody's business."""

import json
import logging
import sys

import pytest

from backend.entrypoints.server.logs import JsonFormatter, configure_logging
from backend.settings import Settings
from tests.settings.test_settings import SECRET

TALKATIVE = ["aiosqlite", "alembic", "httpcore2", "httpx2"]


def configure(**said: str) -> None:
    configure_logging(Settings.load(better_auth_secret=SECRET, **said))


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("backend.x", logging.WARNING, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    made.created, made.msecs = 1_772_600_767.042, 42.0
    return made


def test_a_line_for_machines_is_one_object() -> None:
    line = JsonFormatter().format(record("%d %s", 7, "things", request_id="the-one", other=1))
    assert json.loads(line) == {
        "time": "2026-03-04T05:06:07.042Z",
        "level": "warning",
        "logger": "backend.x",
        "message": "7 things",
        "request_id": "the-one",
    }


@pytest.mark.parametrize(
    "text", ["two\nlines", '"quoted"', "\\", "\0\x1b[31m", "\u2028", "\ud800", "é\U0001f600", "{}"]
)
def test_no_text_breaks_a_line_for_machines(text: str) -> None:
    line = JsonFormatter().format(record("%s", text, reason=text))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == json.loads(line)["reason"] == text


def test_a_line_for_machines_holds_the_traceback() -> None:
    made = record("it broke")
    try:
        int("seven")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = JsonFormatter().format(made)
    assert "\n" not in line
    assert json.loads(line)["exception"].startswith("Traceback")


def test_the_log_for_machines_is_all_json(capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_format="json")
    log = logging.getLogger("backend.some.place")
    log.info("one", extra={"request_id": "the-one", "reason": "expired"})
    log.error("two\nlines")
    log.debug("unheard")
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["message"] for line in said] == ["one", "two\nlines"]
    assert (said[0]["request_id"], said[0]["reason"]) == ("the-one", "expired")


def test_the_log_for_people_names_the_request(capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_format="console")
    logging.getLogger("backend.x").info("hello", extra={"request_id": "the-one"})
    logging.getLogger("backend.x").warning("bye")
    hello, bye = capfd.readouterr().err.splitlines()
    assert hello.endswith(" INFO    backend.x [the-one]: hello")
    assert bye.endswith(" WARNING backend.x [-]: bye")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_is_the_least_that_is_logged(
    level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(log_level=level)
    names = ["debug", "info", "warning", "error"]
    for name in names:
        logging.getLogger("backend.x").log(logging.getLevelNamesMapping()[name.upper()], name)
    heard = [line.split()[-1] for line in capfd.readouterr().err.splitlines()]
    assert heard == names[names.index(level) :]


@pytest.mark.parametrize("name", TALKATIVE)
def test_talkative_libraries_are_kept_short(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_level="debug")
    log = logging.getLogger(f"{name}.inner")
    for level in (logging.DEBUG, logging.INFO):
        log.log(level, "GET https://auth.example.com/?token=hunter2")
    log.warning("heard")
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("heard")


def test_configuring_twice_says_nothing_twice(capfd: pytest.CaptureFixture[str]) -> None:
    configure()
    configure()
    logging.getLogger("backend.x").warning("once")
    assert len(capfd.readouterr().err.splitlines()) == 1
