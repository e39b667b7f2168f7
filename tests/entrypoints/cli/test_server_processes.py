"""`serve` and `dev` as processes: their output, log, responses and files."""

import re
import shlex
import signal
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from backend.entrypoints.cli import secret_file
from tests.entrypoints.cli.command_line import assert_misconfigured, run
from tests.entrypoints.cli.server_process import measured, serving
from tests.postgres import PostgresServer
from tests.settings.environment import SECRET


def fetch(url: str, **options: Any) -> httpx2.Response:
    """Send a GET request, and wait longer than a busy machine takes."""
    return httpx2.get(url, timeout=30, **options)


def run_curl(curl: str, **options: Any) -> httpx2.Response:
    """Send the request of a curl command. `dev` prints it before the server has started."""
    program, option, header, url = shlex.split(curl)
    assert (program, option) == ("curl", "-H")
    name, value = header.split(": ")
    return httpx2.request(
        options.pop("method", "GET"), url, headers={name: value}, timeout=30, **options
    )


def test_dev_serves_in_an_empty_folder(folder: Path) -> None:
    path = folder / secret_file.SECRET_FILE
    with serving(folder, "dev", **measured(), PORT="0") as server:
        curl = server.wait_for("curl ")
        assert "The API is at  http://127.0.0.1:" in server.output
        token = curl.split()[4].rstrip("'")
        assert token in server.output.splitlines()
        response = run_curl(curl)
        assert (response.status_code, response.json()) == (200, {"items": [], "next_cursor": None})
        assert run_curl(curl, method="POST", json={"title": "Buy milk"}).status_code == 201
        minted = run("token", "--user", "dev").stdout.strip()
        url = curl.split()[-1]
        response = fetch(url, headers={"Authorization": f"Bearer {minted}"})
        assert [todo["title"] for todo in response.json()["items"]] == ["Buy milk"]
        (shown,) = re.findall(r"TOKEN=(\S+)", fetch(url.removesuffix("api/todos")).text)
        response = fetch(url, headers={"Authorization": f"Bearer {shown}"})
        assert [todo["title"] for todo in response.json()["items"]] == ["Buy milk"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.stop() == 0
        assert "Traceback" not in server.output

    with serving(folder, "dev", "--no-reload", PORT="0") as restarted:
        fresh = restarted.wait_for("curl ")
        assert [todo["title"] for todo in run_curl(fresh).json()["items"]] == ["Buy milk"]
        same = fetch(fresh.split()[-1], headers={"Authorization": f"Bearer {minted}"})
        assert same.status_code == 200
        assert restarted.stop(signal.SIGINT) == 0
    assert path.exists()


def test_serve_warns_of_a_role_that_row_level_security_does_not_restrict(
    folder: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.create_database()
    assert run("migrate", DATABASE_URL=url).exit_code == 0
    superuser = postgres_server.url_for("postgres", url)
    with serving(
        folder, "serve", BETTER_AUTH_SECRET=SECRET, DATABASE_URL=superuser, PORT="0"
    ) as server:
        server.wait_for("row-level security: does not restrict this role")
        server.wait_for("Uvicorn running")


def test_a_second_server_in_a_folder_does_not_disturb_the_first(folder: Path) -> None:
    with serving(folder, "dev", PORT="0") as server:
        curl = server.wait_for("curl ")
        port = str(urlsplit(curl.split()[-1]).port)
        secret = (folder / secret_file.SECRET_FILE).read_text()
        result = run("dev", PORT=port)
        assert_misconfigured(result, "PORT")
        next_port = int(port) % 65_535 + 1
        assert f"Choose another port, for example PORT={next_port}." in result.stderr
        assert (folder / secret_file.SECRET_FILE).read_text() == secret
        assert run_curl(curl).status_code == 200


def test_a_secret_that_others_could_read_is_replaced_with_a_warning(folder: Path) -> None:
    path = folder / secret_file.SECRET_FILE
    secret_file.keep_secret(SECRET)
    minted = run("token").stdout.strip()
    path.chmod(0o644)
    assert_misconfigured(run("token"), "BETTER_AUTH_SECRET")
    with serving(folder, "dev", PORT="0") as server:
        url = server.wait_for("curl ").split()[-1]
        assert f"WARNING backend.entrypoints.cli.development_server [-]: {path.name}: other" in (
            server.output
        )
        stale = fetch(url, headers={"Authorization": f"Bearer {minted}"})
        assert stale.json()["code"] == "invalid_token"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_server_that_is_stopped_early_leaves_a_complete_secret_or_no_file(folder: Path) -> None:
    with serving(folder, "dev", PORT="0") as server:
        deadline = time.monotonic() + 30
        while not (folder / secret_file.SECRET_FILE).exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert server.stop() == 0
    assert secret_file.read_secret() is not None or not secret_file.is_unusable()


def test_dev_shows_the_documentation_and_serve_does_not(folder: Path) -> None:
    variables = {"BETTER_AUTH_SECRET": SECRET, "PORT": "0"}
    for command, switch, status in (
        ("dev", {}, 200),
        ("dev", {"DOCS": "off"}, 404),
        ("serve", {}, 404),
        ("serve", {"DOCS": "on"}, 200),
    ):
        with serving(folder, command, **variables, **switch) as server:
            line = server.wait_for("Uvicorn running on ")
            url = next(word for word in line.split() if word.startswith("http://"))
            server.wait_for("Application startup complete")
            for path in ("/docs", "/openapi.json"):
                assert fetch(url + path).status_code == status
            assert (f"{url}/docs" in server.output) == (command == "dev" and status == 200)
            start_page = fetch(f"{url}/")
            assert start_page.status_code == (200 if command == "dev" else 404)
            assert SECRET not in start_page.text
            server.stop()
