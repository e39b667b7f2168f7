"""The log: text for people, JSON for machines, and no private data."""

import contextvars
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from opentelemetry import propagate

from backend.entrypoints.http.log_fields import (
    FIELDS,
    current_request_id,
    current_trace,
    log_access,
)
from backend.entrypoints.server.logs import ConsoleFormatter, JsonFormatter, configure_logging
from backend.settings import Settings
from backend.testing.tokens import secret_token
from tests.adapters.auth.sessions import signed
from tests.documents import table_rows, text_of
from tests.settings.environment import SECRET

MONITORING = Path("docs/monitoring.md")
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


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("baggage", "hunter2 is no pair"),
        ("baggage", "hunter2=\xe9"),
        ("baggage", "hunter2" * 2000),
        ("tracestate", "hunter2 is no pair"),
        ("tracestate", "hunter2=1,hunter2=2"),
        ("traceparent", "hunter2" * 100),
    ],
)
def test_the_tracing_headers_of_strangers_are_not_logged(
    capfd: pytest.CaptureFixture[str], header: str, value: str
) -> None:
    configure(log_level="debug")
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    propagate.extract({"traceparent": parent, header: value})
    assert capfd.readouterr().err == ""


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


def access_record(**values: Any) -> logging.LogRecord:
    """Return the record of a request in the access log."""
    records: list[logging.LogRecord] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    log, collector = logging.getLogger("backend.access"), Collector()
    log.addHandler(collector)
    log.setLevel(logging.INFO)
    try:
        log_access("GET", "/api/me", 401, 0.0012, request_id="6c23524742e960a2", **values)
    finally:
        log.removeHandler(collector)
    (record,) = records
    record.created, record.msecs = 1_772_600_767.042, 42.0
    return record


def test_an_access_line_has_fields_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_trace, "find_id", lambda: "4bf92f3577b34da6a3ce929d0e0e4736")
    record = access_record(
        peer=("2001:db8::7", 40_000), user_id="user\n1", reason="invalid_signature"
    )
    assert json.loads(JsonFormatter().format(record)) == {
        "timestamp": "2026-03-04T05:06:07.042Z",
        "level": "info",
        "logger": "backend.access",
        "message": "GET /api/me 401 1.2 ms (invalid_signature)",
        "method": "GET",
        "route": "/api/me",
        "status": 401,
        "duration_ms": 1.2,
        "user_id": "user\n1",
        "client": "2001:db8::7",
        "request_id": "6c23524742e960a2",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "reason": "invalid_signature",
    }


@pytest.mark.parametrize("peer", [None, ("unknown", 0), ("eyJhbGciOiJIUzI1NiJ9", 0), ("", 0)])
def test_a_client_is_logged_only_as_an_address(peer: tuple[str, int] | None) -> None:
    assert "client" not in json.loads(JsonFormatter().format(access_record(peer=peer)))


def test_no_long_text_of_a_client_is_kept_as_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    cached: list[str] = []
    monkeypatch.setattr("backend.entrypoints.http.log_fields._address", cached.append)
    access_record(peer=("2001:db8:" + "x" * 60_000, 1))
    access_record(peer=("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%enp12345678901", 1))
    assert [len(text) for text in cached] == [64, 60]


def test_the_zone_of_an_address_is_not_logged() -> None:
    line = json.loads(JsonFormatter().format(access_record(peer=("fe80::1%hunter2", 1))))
    assert line["client"] == "fe80::1"


def test_the_page_shows_the_fields_and_a_line_that_the_code_writes() -> None:
    names = [row[0].strip("`") for row in table_rows(MONITORING)]
    start, end = names.index("timestamp"), names.index("exception")
    assert names[start:end] == ["timestamp", "level", "logger", "message", *FIELDS]
    record = access_record(peer=("192.0.2.1", 1), reason="token_expired")
    assert JsonFormatter().format(record) in text_of(MONITORING)


@pytest.mark.parametrize("value", [True, None, [1], {"a": "\n"}, 1.5, object()])
def test_a_field_of_another_type_does_not_break_the_line(value: object) -> None:
    line = JsonFormatter().format(record("hello", reason=value))
    assert json.loads(line)["message"] == "hello"


@pytest.mark.parametrize(
    "text",
    [
        "\n2026-11-21 00:47:14,916 INFO    backend.access [x]: GET /forged 200 0.8 ms",
        "a\r2026 INFO forged",
        "\x1b[2J\x1b[31mred\x07",
        "\x9b31m\x85\x0b\x0c\x1c\u2028\u2029forged",
        "\u202eforged",
        "\ud800\0",
    ],
)
@pytest.mark.parametrize("place", ["message", "exception"])
def test_no_text_looks_like_another_line_of_the_console_log(text: str, place: str) -> None:
    hostile = record("%s", text if place == "message" else "failed")
    if place == "exception":
        hostile.exc_info = (ValueError, ValueError(text), None)
    first, *others = ConsoleFormatter().format(hostile).splitlines()
    assert re.match(r"2026-\d\d-\d\d .+ WARNING backend\.x \[-\]: ", first)
    assert all(line.startswith("    ") for line in others)
    assert all(line.isprintable() for line in [first, *others])


def test_the_console_log_keeps_letters_of_all_languages() -> None:
    assert ConsoleFormatter().format(record("%s", "é 漢 \U0001f600")).endswith(": é 漢 \U0001f600")


@pytest.mark.parametrize("token", [secret_token(SECRET), signed()])
@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_tokens_are_removed_from_messages_and_exceptions(
    formatter: logging.Formatter, token: str
) -> None:
    failure = record("cannot read %s", f"Bearer {token}")
    failure.exc_info = (ValueError, ValueError(f"bad token {quote(token)!r}"), None)
    text = formatter.format(failure)
    assert text.count("[token]") == 2
    for part in token.split("."):
        assert part not in text


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_lines_of_other_loggers_have_the_id_of_the_request(formatter: logging.Formatter) -> None:
    def format_in_a_request() -> str:
        current_request_id.set("id-of-the-request")
        return formatter.format(record("hello"))

    assert "id-of-the-request" in contextvars.Context().run(format_in_a_request)
    assert "id-of-the-request" not in formatter.format(record("hello"))


def test_libraries_do_not_log_at_debug(capfd: pytest.CaptureFixture[str]) -> None:
    configure(log_level="debug")
    logging.getLogger("some_library").debug("Authorization: hunter2")
    logging.getLogger("backend.x").debug("logged")
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("logged")
