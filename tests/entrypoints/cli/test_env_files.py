"""`.env` files: which commands read them."""

from pathlib import Path

import pytest

from backend.entrypoints.cli import secret_file
from tests.entrypoints.cli.command_line import HIDDEN, assert_misconfigured, run
from tests.entrypoints.cli.server_process import serving
from tests.entrypoints.cli.test_tokens import claims_of
from tests.settings.environment import OTHER_SECRET, SECRET


@pytest.fixture
def env_file(folder: Path) -> Path:
    file = folder / ".env"
    file.write_text(f'BETTER_AUTH_SECRET="{SECRET}"\nDATABASE_URL=sqlite:///other.db\n')
    return file


def test_dev_reads_the_file_of_the_folder(folder: Path, env_file: Path) -> None:
    with serving(folder, "dev", PORT="0") as server:
        server.wait_for("Uvicorn running")
        assert "Get a token from the configured issuer" in server.output
        assert "from the file .env" in server.output
    assert (folder / "other.db").exists()
    assert not (folder / secret_file.SECRET_FILE).exists()


def test_the_environment_has_priority_over_the_file(folder: Path, env_file: Path) -> None:
    with serving(folder, "dev", PORT="0", DATABASE_URL="sqlite:///own.db") as server:
        server.wait_for("Uvicorn running")
    assert (folder / "own.db").exists()
    assert not (folder / "other.db").exists()


@pytest.mark.parametrize("command", ["serve", "migrate", "doctor", "explain"])
def test_other_commands_do_not_read_the_file_of_the_folder(
    folder: Path, env_file: Path, command: str
) -> None:
    env_file.write_text("PORT=http\nDATABASE_URL=mysql://db\n")
    assert "mysql" not in run(command, BETTER_AUTH_SECRET=SECRET, stdin="x").output
    assert run(command, BETTER_AUTH_SECRET=SECRET, stdin="x").output.count("DATABASE_URL: ") == (
        command == "serve"  # which needs a schema
    )


@pytest.mark.parametrize("command", ["serve", "dev", "doctor", "explain"])
def test_every_command_reads_the_file_of_the_option(
    folder: Path, env_file: Path, command: str
) -> None:
    other = folder / "other.env"
    other.write_text("AUTH_LEEWAY=ten\n")
    result = run(command, "--env-file", str(other), BETTER_AUTH_SECRET=SECRET)
    assert result.exit_code == (1 if command == "doctor" else 78)
    assert "AUTH_LEEWAY: " in result.output


def test_serve_exports_the_file_to_its_workers(folder: Path, env_file: Path) -> None:
    assert run("migrate", "--env-file", ".env").exit_code == 0
    assert (folder / "other.db").exists()
    with serving(
        folder, "serve", "--env-file", str(env_file), PORT="0", WORKERS="2", LOG_LEVEL="debug"
    ) as server:
        server.wait_for("Application startup complete")


def test_token_reads_the_file_as_the_development_server_does(env_file: Path) -> None:
    assert claims_of(run("token").stdout.strip(), SECRET)["sub"] == "dev"
    result = run("token", BETTER_AUTH_SECRET=OTHER_SECRET)
    assert claims_of(result.stdout.strip(), OTHER_SECRET)["sub"] == "dev"


def test_doctor_reads_the_file_in_the_folder_of_a_development_server(
    folder: Path, env_file: Path
) -> None:
    env_file.write_text("AUTH_LEEWAY=ten\n")
    secret_file.keep_secret(SECRET)
    assert "FAIL  AUTH_LEEWAY: " in run("doctor").stdout


@pytest.mark.parametrize("command", ["doctor"])
def test_an_unread_file_is_mentioned_if_nothing_is_configured(env_file: Path, command: str) -> None:
    assert "add `--env-file .env`" in run(command).stdout
    assert "--env-file" not in run(command, BETTER_AUTH_SECRET=SECRET).stdout


@pytest.mark.parametrize(
    "command", ["serve", "dev", "migrate", "token", "explain", "doctor", "config"]
)
def test_a_file_that_cannot_be_read_is_refused(command: str) -> None:
    result = run(command, "--env-file", f"/nowhere/{HIDDEN}", BETTER_AUTH_SECRET=SECRET)
    assert_misconfigured(result, "--env-file")
    assert HIDDEN not in result.output


def test_a_broken_file_of_the_folder_is_refused(env_file: Path, folder: Path) -> None:
    env_file.write_text("PORT=0\n'oops\n")
    assert_misconfigured(run("dev"), ".env")
    assert "line 2 is not of the form NAME=value" in run("dev").stderr
    assert list(folder.iterdir()) == [env_file]


def test_a_virtual_environment_with_the_name_of_the_file_is_ignored(folder: Path) -> None:
    (folder / ".env").mkdir()
    secret_file.keep_secret(SECRET)
    assert run("token").exit_code == 0


def test_explain_names_an_odd_secret() -> None:
    result = run("explain", stdin="x", BETTER_AUTH_SECRET=f"'{SECRET}'")
    assert "  warn  BETTER_AUTH_SECRET: the secret begins and ends with a quot" in result.stdout
    assert SECRET not in result.output


def test_doctor_names_an_odd_secret_and_finds_no_problem() -> None:
    assert run("migrate").exit_code == 0
    result = run("doctor", BETTER_AUTH_SECRET=f"{SECRET}\n", HOST="x86_64-conda-linux-gnu")
    assert "  warn  BETTER_AUTH_SECRET: the secret ends with a line break\n" in result.stdout
    assert "  warn  HOST: " in result.stdout
    assert result.stdout.endswith("No problems found.\n")
    assert result.exit_code == 0


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_production_command_says_that_it_does_not_read_the_file(
    env_file: Path, command: str
) -> None:
    note = "This command did not read the .env file of this folder"
    assert run(command).stderr.startswith(note)
    assert note not in run(command, "--env-file", ".env").stderr
    env_file.unlink()
    assert note not in run(command).stderr


@pytest.mark.parametrize("command", ["doctor", "config"])
def test_a_command_of_the_operator_says_that_it_reads_the_file_of_a_development_server(
    env_file: Path, command: str
) -> None:
    secret_file.keep_secret(OTHER_SECRET)
    output = run(command).output
    assert output.startswith("The settings come from the .env file of this folder")
    assert "Nothing is configured, so" not in output
