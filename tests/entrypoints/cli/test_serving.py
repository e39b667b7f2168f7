"""`serve` and `dev`: which configurations they reject."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.entrypoints.cli import secret_file
from backend.entrypoints.cli.exits import MISCONFIGURED, UNAVAILABLE
from backend.entrypoints.http import me
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.entrypoints.cli.server_process import serving
from tests.postgres import PostgresServer
from tests.settings.environment import SECRET


def test_serve_rejects_an_empty_environment(folder: Path) -> None:
    assert_misconfigured(run("serve"), "BETTER_AUTH_URL", "DATABASE_URL")
    assert list(folder.iterdir()) == []


def test_serve_reports_every_problem_at_once() -> None:
    result = run(
        "serve",
        BETTER_AUTH_SECRET="hunter2",
        PORT="http",
        LOG_FORMAT="xml",
        DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/todos",
    )
    assert_misconfigured(result, "BETTER_AUTH_SECRET", "PORT", "LOG_FORMAT", "DATABASE_URL")
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output


def test_the_exit_status_of_serve_says_that_only_the_database_is_down() -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/todos"
    result = run("serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url)
    assert result.exit_code == UNAVAILABLE
    assert result.stderr.startswith("The database is unavailable:\n\n  DATABASE_URL: ")
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("url", ["mysql://db", "postgresql://me@127.0.0.1:1/x?keepalives=1"])
def test_serve_rejects_an_unsupported_database(url: str) -> None:
    result = run("serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url)
    assert_misconfigured(result, "DATABASE_URL")


def test_serve_rejects_a_database_without_a_schema() -> None:
    result = run("serve", BETTER_AUTH_SECRET=SECRET)
    assert_misconfigured(result, "DATABASE_URL")
    assert "there is no schema yet. Run `python -m backend migrate`." in result.stderr


def test_messages_show_commands_with_the_python_of_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(folder / ".venv"))
    command = ".venv/bin/python -m backend"
    assert f"`{command} migrate`" in run("serve", BETTER_AUTH_SECRET=SECRET).stderr
    assert f"`{command} migrate`" in run("doctor").stdout
    assert f"  {command} explain < " in run("explain", BETTER_AUTH_SECRET=SECRET).stderr
    assert f"  {command} explain < " in run("explain", "x").stderr


def test_messages_show_the_name_of_the_installed_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/todo-api"])
    assert "`todo-api migrate`" in run("serve", BETTER_AUTH_SECRET=SECRET).stderr
    assert "  todo-api explain < " in run("explain", BETTER_AUTH_SECRET=SECRET).stderr
    assert "`todo-api dev`" in run("token").stderr


@pytest.mark.parametrize("command", ["serve", "dev", "migrate"])
def test_a_missing_folder_of_the_database_is_named(folder: Path, command: str) -> None:
    url = f"sqlite:///{folder}/none/todos.db"
    result = run(command, BETTER_AUTH_SECRET=SECRET, DATABASE_URL=url, PORT="0")
    assert_misconfigured(result, "DATABASE_URL")
    problem = f"the folder {folder}/none does not exist."
    assert f"{problem} Create the folder, or correct DATABASE_URL." in result.stderr


def test_serve_rejects_a_role_without_privileges(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    assert run("migrate", DATABASE_URL=url).exit_code == 0
    postgres_server.create_role("powerless")
    powerless_url = postgres_server.url_for("powerless", url)
    result = run("serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL=powerless_url)
    assert_misconfigured(result, "DATABASE_URL")
    assert "lacks SELECT on alembic_version" in result.stderr
    assert "docs/scaling.md" in result.stderr


def test_options_override_the_environment() -> None:
    result = run("serve", "--port", "70000", "--workers", "0", "--host", "", PORT="1", WORKERS="1")
    assert_misconfigured(result, "PORT", "WORKERS", "BETTER_AUTH_URL", "DATABASE_URL")


@pytest.fixture
def port_in_use() -> Iterator[str]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_rejects_a_port_that_is_in_use(port_in_use: str, workers: str) -> None:
    assert run("migrate").exit_code == 0
    result = run("serve", BETTER_AUTH_SECRET=SECRET, PORT=port_in_use, WORKERS=workers)
    assert_misconfigured(result, "PORT")
    assert f"PORT: {port_in_use} is already in use. Choose another port," in result.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("command", ["serve", "dev"])
def test_an_address_that_is_not_this_machine_is_rejected(
    command: str, host: str, folder: Path
) -> None:
    assert run("migrate").exit_code == 0
    assert_misconfigured(run(command, BETTER_AUTH_SECRET=SECRET, HOST=host), "HOST")
    assert not (folder / secret_file.SECRET_FILE).exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no.such.host.invalid", "a..b"])
@pytest.mark.parametrize("command", ["serve", "dev"])
def test_an_option_with_a_host_that_is_not_this_machine_is_rejected(
    command: str, host: str, folder: Path
) -> None:
    assert run("migrate").exit_code == 0
    result = run(command, "--host", host, BETTER_AUTH_SECRET=SECRET)
    assert_misconfigured(result, "HOST")
    assert not (folder / secret_file.SECRET_FILE).exists()


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_a_host_of_another_program_causes_a_warning_and_the_default_is_used(
    command: str, folder: Path
) -> None:
    variables = {
        "BETTER_AUTH_SECRET": f'"{SECRET}"',
        "HOST": "x86_64-conda-linux-gnu",
        "LOGLEVEL": "loud",
        "PORT": "0",
    }
    assert run("migrate").exit_code == 0
    with serving(folder, command, **variables) as server:
        server.wait_for("Uvicorn running on http://127.0.0.1:")
        assert "LOGLEVEL: unknown variable, similar to LOG_LEVEL." in server.output
        assert "HOST: x86_64-conda-linux-gnu is not an address of this machine" in server.output
        assert "BETTER_AUTH_SECRET: the secret begins and ends with a quot" in server.output
        assert SECRET not in server.output


@pytest.mark.parametrize(("command", "workers"), [("serve", "1"), ("serve", "2"), ("dev", "1")])
def test_an_unprotected_route_is_rejected_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, command: str, workers: str
) -> None:
    monkeypatch.setattr(me.router, "routes", [*me.router.routes])
    me.router.add_api_route("/of-this-test", lambda: None, methods=["GET"])
    assert run("migrate").exit_code == 0
    options = ["--no-reload"] if command == "dev" else []
    result = run(command, *options, BETTER_AUTH_SECRET=SECRET, PORT="0", WORKERS=workers)
    assert (result.exit_code, result.stdout) == (MISCONFIGURED, "")
    title, _, complaint = result.stderr.splitlines()[-3:]
    assert title == "The application has unprotected routes:"
    assert "/of-this-test: " in complaint
    assert "CurrentPrincipal" in complaint
    assert "Traceback" not in result.output


def test_dev_rejects_an_invalid_configuration_and_leaves_no_secret(folder: Path) -> None:
    assert_misconfigured(run("dev", PORT="http"), "PORT")
    assert_misconfigured(run("dev", DATABASE_URL="sqlite:////nowhere/at/all.db"), "DATABASE_URL")
    assert list(folder.iterdir()) == []
