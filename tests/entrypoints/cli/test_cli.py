"""The command line: what it refuses, what it prints, and servers as processes of their own."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt
import pytest
from typer.testing import Result

from backend import __version__
from backend.entrypoints.cli import development
from backend.entrypoints.cli.main import MISCONFIGURED
from backend.entrypoints.http import me
from tests.entrypoints.cli.command_line import run
from tests.postgres import PostgresServer
from tests.settings.test_settings import OTHER, SECRET

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to be in; what a command changes in the process is put back."""
    monkeypatch.chdir(tmp_path)
    environment = dict(os.environ)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, on_sigterm)
    os.environ.clear()
    os.environ.update(environment)


def assert_refused(result: Result, *names: str) -> None:
    assert result.exit_code == MISCONFIGURED
    assert result.stdout == ""
    start, gap, *complaints = result.stderr.splitlines()
    assert (start, gap) == ("The configuration is refused:", "")
    assert [complaint.strip().partition(": ")[0] for complaint in complaints] == list(names)


# --- serve --------------------------------------------------------------------------------------


def test_serve_refuses_an_empty_environment(folder: Path) -> None:
    assert_refused(run("serve"), "BETTER_AUTH_URL", "DATABASE_URL")
    assert list(folder.iterdir()) == []


def test_serve_tells_all_that_is_wrong_at_once() -> None:
    result = run(
        "serve",
        BETTER_AUTH_SECRET="hunter2",
        PORT="http",
        LOG_FORMAT="xml",
        DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/todos",
    )
    assert_refused(result, "BETTER_AUTH_SECRET", "PORT", "LOG_FORMAT", "DATABASE_URL")
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output


def test_serve_refuses_a_database_that_it_does_not_know() -> None:
    result = run("serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL="mysql://db")
    assert_refused(result, "DATABASE_URL")


def test_serve_refuses_a_schema_that_was_not_migrated() -> None:
    result = run("serve", BETTER_AUTH_SECRET=SECRET)
    assert_refused(result, "DATABASE_URL")
    assert "there is no schema yet. Run `python -m backend migrate`." in result.stderr


def test_commands_are_shown_as_they_are_typed_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(folder / ".venv"))
    typed = ".venv/bin/python -m backend"
    assert f"`{typed} migrate`" in run("serve", BETTER_AUTH_SECRET=SECRET).stderr
    assert f"`{typed} migrate`" in run("doctor").stdout
    assert f"  {typed} explain < " in run("explain", BETTER_AUTH_SECRET=SECRET).stderr
    assert f"  {typed} explain < " in run("explain", "x").stderr


def test_an_installed_command_is_shown_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/todo-api"])
    assert "`todo-api migrate`" in run("serve", BETTER_AUTH_SECRET=SECRET).stderr
    assert "  todo-api explain < " in run("explain", BETTER_AUTH_SECRET=SECRET).stderr
    assert "`todo-api dev`" in run("token").stderr


def test_the_version_is_printed() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"todo-api {__version__}\n")


@pytest.mark.parametrize("command", ["serve", "dev", "migrate"])
def test_a_folder_that_does_not_exist_is_named(folder: Path, command: str) -> None:
    url = f"sqlite:///{folder}/none/todos.db"
    result = run(command, BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url, PORT="0")
    assert_refused(result, "DATABASE_URL")
    complaint = f"the folder {folder}/none does not exist. Create it, or mend DATABASE_URL."
    assert complaint in result.stderr


def test_a_role_that_lacks_privileges_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    assert run("migrate", DATABASE_URL=url).exit_code == 0
    postgres_server.create_role("powerless")
    weak = postgres_server.url_for("powerless", url)
    result = run("serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL=weak)
    assert_refused(result, "DATABASE_URL")
    assert "lacks SELECT on alembic_version" in result.stderr
    assert "docs/scaling.md" in result.stderr


def test_options_go_before_the_environment() -> None:
    result = run("serve", "--port", "70000", "--workers", "0", "--host", "", PORT="1", WORKERS="1")
    assert_refused(result, "PORT", "WORKERS", "BETTER_AUTH_URL", "DATABASE_URL")


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_refuses_a_port_that_is_taken(taken: str, workers: str) -> None:
    assert run("migrate").exit_code == 0
    result = run("serve", BETTER_AUTH_SECRET=SECRET, PORT=taken, WORKERS=workers)
    assert_refused(result, "PORT")
    assert f"PORT: {taken} is taken. Set it to another one, e.g. PORT=" in result.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no.such.host.invalid", "a..b"])
@pytest.mark.parametrize("command", ["serve", "dev"])
def test_a_host_that_is_not_here_is_refused(command: str, host: str, folder: Path) -> None:
    assert run("migrate").exit_code == 0
    assert_refused(run(command, BETTER_AUTH_SECRET=SECRET, HOST=host), "HOST")
    assert not (folder / development.SECRET_FILE).exists()


@pytest.mark.parametrize(("command", "workers"), [("serve", "1"), ("serve", "2"), ("dev", "1")])
def test_a_route_that_everybody_could_call_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, command: str, workers: str
) -> None:
    monkeypatch.setattr(me.router, "routes", [*me.router.routes])
    me.router.add_api_route("/of-this-test", lambda: None, methods=["GET"])
    assert run("migrate").exit_code == 0
    result = run(command, BETTER_AUTH_SECRET=SECRET, PORT="0", WORKERS=workers)
    assert (result.exit_code, result.stdout) == (MISCONFIGURED, "")
    start, _, complaint = result.stderr.splitlines()[-3:]
    assert start == "The application is refused:"
    assert "/of-this-test: " in complaint
    assert "ProtectedRoute" in complaint
    assert "CurrentPrincipal" in complaint
    assert "Traceback" not in result.output


# --- dev, as far as it refuses ------------------------------------------------------------------


def test_dev_refuses_a_bad_configuration_and_leaves_no_secret(folder: Path) -> None:
    assert_refused(run("dev", PORT="http"), "PORT")
    assert_refused(run("dev", DATABASE_URL="sqlite:////nowhere/at/all.db"), "DATABASE_URL")
    assert list(folder.iterdir()) == []


# --- migrate ------------------------------------------------------------------------------------


def test_migrate_needs_a_database_and_nothing_else(folder: Path) -> None:
    for _ in range(2):
        result = run("migrate", DATABASE_URL="sqlite:///deep.db", PORT="http")
        assert (result.exit_code, result.stdout) == (0, "The schema is up to date.\n")
    assert (folder / "deep.db").is_file()


@pytest.mark.parametrize(
    "url", ["mysql://db", "sqlite:////nowhere/at/all.db", "postgresql://me:hunter2@127.0.0.1:1/x"]
)
def test_migrate_refuses_a_database_that_is_not_there(url: str) -> None:
    result = run("migrate", DATABASE_URL=url)
    assert_refused(result, "DATABASE_URL")
    assert "hunter2" not in result.output


# --- token --------------------------------------------------------------------------------------


def claims(text: str, secret: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(text, secret, algorithms=["HS256"])
    return read


def test_token_is_signed_with_the_running_servers_secret() -> None:
    with development.secret() as secret:
        result = run("token")
    assert result.exit_code == 0
    said = claims(result.stdout.strip(), secret)
    assert said["sub"] == "dev"
    assert said["exp"] - said["iat"] == 3600


def test_token_is_signed_with_the_environments_secret() -> None:
    options = ["--user", "ada", "--email", "ada@example.com", "--name", "Ada", "--minutes", "5"]
    result = run("token", *options, BETTER_AUTH_SECRETS=f"2:{OTHER},1:{SECRET}")
    said = claims(result.stdout.strip(), OTHER)
    assert (said["sub"], said["email"], said["name"]) == ("ada", "ada@example.com", "Ada")
    assert said["exp"] - said["iat"] == 300


def test_token_is_refused_where_no_server_runs() -> None:
    assert_refused(run("token"), "BETTER_AUTH_SECRET")


def test_token_is_refused_where_an_issuer_is_known() -> None:
    result = run("token", BETTER_AUTH_SECRET=SECRET, BETTER_AUTH_URL="https://auth.example.com")
    assert_refused(result, "BETTER_AUTH_URL")


def test_token_does_not_live_for_less_than_a_minute() -> None:
    assert run("token", "--minutes", "0", BETTER_AUTH_SECRET=SECRET).exit_code == 2


# --- Servers, as processes ----------------------------------------------------------------------


class Server:
    """A server in a process of its own.

    Attributes:
        folder: Where it runs.
    """

    def __init__(self, folder: Path, command: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._log = folder / f"{command}.log"
        with self._log.open("ab") as log:
            self._start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backend", command],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has written since it started."""
        return self._log.read_bytes()[self._start :].decode()

    def says(self, text: str) -> str:
        """Wait for a line that holds a text, and return it."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            for line in self.output.splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.strip()
            time.sleep(0.02)
        raise AssertionError(self.output)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit code."""
        self._process.send_signal(by)
        return self._process.wait(15)

    def kill(self) -> None:
        """See to it that it is gone."""
        self._process.kill()
        self._process.wait()


@contextmanager
def serving(folder: Path, command: str, **environment: str) -> Iterator[Server]:
    server = Server(folder, command, environment)
    try:
        yield server
    finally:
        server.kill()


def ask(curl: str, **said: Any) -> httpx2.Response:
    """Do what a curl line says."""
    program, option, header, url = shlex.split(curl)
    assert (program, option) == ("curl", "-H")
    name, value = header.split(": ")
    return httpx2.request(said.pop("method", "GET"), url, headers={name: value}, **said)


def test_a_newcomer_is_served_by_one_command(folder: Path) -> None:
    secret_file = folder / development.SECRET_FILE
    with serving(folder, "dev", PORT="0") as server:
        curl = server.says("curl ")
        assert "The API is at  http://127.0.0.1:" in server.output
        assert (
            curl.split()[4].rstrip("'") in server.output.split()
        )  # the token, on a line of its own
        answer = ask(curl)
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})
        assert ask(curl, method="POST", json={"title": "Buy milk"}).status_code == 201
        minted = run("token", "--user", "dev").stdout.strip()
        url = curl.split()[-1]
        answer = httpx2.get(url, headers={"Authorization": f"Bearer {minted}"})
        assert [todo["title"] for todo in answer.json()["items"]] == ["Buy milk"]
        assert secret_file.stat().st_mode & 0o777 == 0o600
        assert server.stop() == 0
        assert "Traceback" not in server.output
    assert not secret_file.exists()

    with serving(folder, "dev", PORT="0") as again:
        fresh = again.says("curl ")
        assert [todo["title"] for todo in ask(fresh).json()["items"]] == ["Buy milk"]
        stale = httpx2.get(fresh.split()[-1], headers={"Authorization": f"Bearer {minted}"})
        assert stale.json()["code"] == "invalid_token"
        assert again.stop(signal.SIGINT) == 0
    assert not secret_file.exists()


def test_a_second_server_of_a_folder_takes_nothing_from_the_first(folder: Path) -> None:
    with serving(folder, "dev", PORT="0") as server:
        curl = server.says("curl ")
        port = str(urlsplit(curl.split()[-1]).port)
        secret = (folder / development.SECRET_FILE).read_text()
        refused = run("dev", PORT=port)
        assert_refused(refused, "PORT")
        following = int(port) % 65_535 + 1
        assert f"e.g. PORT={following} make run." in refused.stderr
        assert (folder / development.SECRET_FILE).read_text() == secret
        assert ask(curl).status_code == 200


def test_a_server_that_is_stopped_at_once_leaves_no_secret(folder: Path) -> None:
    secret_file = folder / development.SECRET_FILE
    with serving(folder, "dev", PORT="0") as server:
        deadline = time.monotonic() + 30
        while not secret_file.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert server.stop() == 0
    assert not secret_file.exists()


CREDENTIALS = {
    "Cookie": "better-auth.session_data=hunter2; better-auth.session_token=hunter2",
    "X-Api-Key": "hunter2",
}


def test_production_logs_json_and_no_credentials(folder: Path) -> None:
    minted = run("token", BETTER_AUTH_SECRET=SECRET).stdout.strip()
    assert run("migrate").exit_code == 0
    said = {"BETTER_AUTH_SECRET": SECRET, "LOG_FORMAT": "json", "LOG_LEVEL": "debug", "PORT": "0"}
    with serving(folder, "serve", **said) as server:
        running = json_of(server.says("Uvicorn running on"))["message"]
        url = next(word for word in running.split() if word.startswith("http://"))
        for authorization in (f"Bearer {minted}", "Bearer hunter2", "Basic hunter2", "hunter2"):
            headers = {**CREDENTIALS, "Authorization": authorization}
            for path in ("/api/todos?q=hunter2", "/api/me?token=hunter2", "/hunter2"):
                status = httpx2.get(url + path, headers=headers).status_code
                assert status in {200, 401, 404}
            httpx2.post(f"{url}/api/todos", headers=headers, json={"title": "hunter2"})
        server.stop()
        lines = [json_of(line) for line in server.output.splitlines()]
    assert len([line for line in lines if line["logger"] == "backend.access"]) == 16
    for secret in ("hunter2", minted, minted.split(".")[2], SECRET):
        assert secret not in server.output


def json_of(line: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(line)
    return read
