"""The log of a server that is attacked contains no credential, and no forged line."""

import base64
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from fastapi import WebSocket

from backend.entrypoints.cli.exits import UNAVAILABLE
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings
from backend.testing.fakes import FakeTokenVerifier
from backend.testing.tokens import secret_token
from tests.e2e.processes import NO_CA_CERTIFICATES
from tests.entrypoints.cli.command_line import run
from tests.entrypoints.cli.server_process import serving
from tests.entrypoints.http.sockets import Server, request
from tests.entrypoints.server.apps import app_with, receive_all
from tests.settings.environment import HIDDEN, SECRET

FORGED = "2026-11-21 00:47:14,916 INFO    backend.access [x]: GET /forged 200 0.8 ms"
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+ \[[\w.-]+\]: .*|    .*")
HANDSHAKE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def secrets_of(token: str) -> set[str]:
    """Return a token, its parts, their contents, and other spellings of all these texts."""
    parts = {token, *token.split(".")}
    parts |= {part[start : start + 20] for part in parts for start in (0, len(part) // 2)}
    payload = token.split(".")[1]
    decoded = base64.urlsafe_b64decode(payload + "==").decode()
    return {*parts, quote(token), decoded, json.loads(decoded)["email"], HIDDEN, SECRET}


def requests_with(token: str) -> Iterator[bytes]:
    """Return requests with a token at every place, most of them malformed."""
    text = token.encode()
    hostile = [
        *(b"Authorization: Bearer %b", b"Authorization: Bearer %bx", b"Authorization: Basic %b"),
        *(b"Authorization: %b", b"Proxy-Authorization: Bearer %b", b"X-Api-Key: %b"),
        *(b"Cookie: better-auth.session_data=%b; x=%b", b"Cookie: %b", b"Cookie: =;;=%b;\t"),
        *(b"X-Forwarded-For: %b", b"Forwarded: for=%b", b"X-Request-ID: %b", b"Referer: %b"),
        *(b"User-Agent: %b", b"Origin: https://%b", b"Idempotency-Key: %b", b"If-Match: %b"),
        *(b"traceparent: %b", b"Host: %b", b"Content-Type: %b", b"Accept: \x1b[31m%b\x85"),
    ]
    for header in hostile:
        line = header.replace(b"%b", text)
        yield request(b"GET /api/todos", line)
        yield request(b"GET /health/ready", line)
        yield request(b"GET /socket", *HANDSHAKE, line)
        yield request(b"POST /api/todos", line, b"Content-Length: 9") + b'{"title":'
    authorization = b"Authorization: Bearer " + text
    for target in (b"/api/todos?q=%b", b"/api/todos/%b", b"/%b", b"/api/todos?cursor=%b&%b=1"):
        path = target.replace(b"%b", text)
        yield request(b"GET " + path, authorization)
        yield request(b"GET " + path, *HANDSHAKE, b"Sec-WebSocket-Protocol: bearer, " + text)
        yield request(b"GET http://localhost" + path)
    escaped = quote("\n" + FORGED + "\x1b[31m" + token).encode()
    yield request(b"GET /" + escaped, authorization)
    yield request(b"GET /api/todos?" + escaped, authorization)
    for body in (b'{"title":["%b"]}', b'{"title":"%b"}', b"%b", b'{"%b":1}'):
        content = body.replace(b"%b", text)
        headers = (authorization, b"Content-Type: application/json")
        yield request(b"POST /api/todos", *headers, b"Content-Length: %d" % len(content)) + content
    yield text + b" / HTTP/1.1\r\n\r\n"
    yield request(b"GET /", text)
    yield request(b"GET /", b"a: " + text + b"\0")
    yield b"GET /?" + text + b" HTTP/9.9\r\n\r\n"
    yield request(b"POST /api/todos", b"Transfer-Encoding: chunked") + text
    yield request(b"CONNECT " + text)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_credential_of_a_hostile_run_is_logged(folder: Path, log_format: str) -> None:
    token = secret_token(SECRET, email="private@example.org", name=FORGED)
    assert run("migrate").exit_code == 0
    variables = {"BETTER_AUTH_SECRET": SECRET, "PORT": "0", "AUTH_COOKIE": "compact"}
    variables |= {"CORS_ORIGINS": "https://app.example.com"}
    logs = {"LOG_FORMAT": log_format, "LOG_LEVEL": "debug"}
    with serving(folder, "serve", **variables, **logs) as server:
        line = server.wait_for("Uvicorn running on")
        port = int(re.findall(r"127\.0\.0\.1:(\d+)", line)[0])
        server.wait_for("Application startup complete")
        count = 0
        for sent in requests_with(token):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
                count += 1
        valid = httpx2.get(
            f"http://127.0.0.1:{port}/api/me",
            headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.1"},
            verify=NO_CA_CERTIFICATES,
            trust_env=False,
        )
        assert valid.json()["email"] == "private@example.org"
        server.stop()
        output = server.output
    for secret in secrets_of(token) | {"forged"}:
        assert secret not in output, secret
    assert "Traceback" not in output
    if log_format == "json":
        lines = [json.loads(line) for line in output.splitlines()]
        access = [line for line in lines if line["logger"] == "backend.access"]
        assert {line["client"] for line in access} == {"127.0.0.1"}
        assert access[-1]["user_id"] == valid.json()["user_id"]
        assert {401, 404, 400, 200} <= {line["status"] for line in access}
        refused = [line for line in access if line["status"] >= 400]
        assert [line for line in refused if "reason" not in line] == []
        assert count < len(access) + 5  # a client that closes early can be gone before a response
    else:
        assert output.count("backend.access") > 50
        for line in re.split("\n", output.strip("\n")):
            assert RECORD.fullmatch(line), line
            assert line.isprintable()


def test_the_password_of_an_unreachable_database_is_not_logged(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://todos:{HIDDEN}@127.0.0.1:{closed.getsockname()[1]}/todos"
        result = run("serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url, LOG_LEVEL="debug")
    assert result.exit_code == UNAVAILABLE
    assert "DATABASE_URL" in result.stderr
    assert HIDDEN not in result.stdout + result.stderr


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_traceback_of_a_crash_has_the_id_of_the_request_and_no_token(
    capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    token = secret_token(SECRET)
    app = app_with(FakeTokenVerifier(), public=("/crash", "/socket"))

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError(f"cannot use Bearer {token}\n{FORGED}")

    @app.websocket("/socket")
    async def crash_socket(websocket: WebSocket) -> None:
        raise ValueError(f"cannot use {token}\n{FORGED}")

    configure_logging(Settings.load(better_auth_secret=SECRET, log_format=log_format))
    with Server(app) as server:
        assert server.ask(request(b"GET /crash", b"X-Request-ID: id-1")).startswith(b"HTTP/1.1 500")
        with server.connect() as connection:
            connection.sendall(request(b"GET /socket", *HANDSHAKE, b"X-Request-ID: id-2"))
            receive_all(connection)
    output = capfd.readouterr().err
    for secret in token.split("."):
        assert secret not in output
    if log_format == "json":
        lines = [json.loads(line) for line in output.splitlines()]
        crashes = [line["request_id"] for line in lines if "exception" in line]
        assert crashes == ["id-1", "id-2"]
    else:
        assert (output.count("[id-1]: "), output.count("[id-2]: ")) == (3, 2)
        assert all(map(RECORD.fullmatch, output.strip("\n").split("\n")))
