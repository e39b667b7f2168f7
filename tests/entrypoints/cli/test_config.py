"""`config`: every setting, where its value comes from, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from backend.entrypoints.cli import secret_file
from backend.entrypoints.cli.exits import MISCONFIGURED
from backend.settings import Settings
from tests.entrypoints.cli.command_line import HIDDEN, run
from tests.settings.environment import OTHER_SECRET, SECRET


def settings_of(*options: str, **variables: str) -> dict[str, tuple[str | None, str]]:
    """Return the value and the origin of each setting."""
    settings = report_of(*options, exit_code=0, **variables)["settings"]
    return {name: (item["value"], item["origin"]) for name, item in settings.items()}


def report_of(*options: str, exit_code: int = 0, **variables: str) -> dict[str, Any]:
    result = run("config", "--json", *options, **{"BETTER_AUTH_SECRET": SECRET, **variables})
    assert result.exit_code == exit_code, result.output
    assert HIDDEN not in result.output
    assert SECRET not in result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_every_setting_has_a_line(folder: Path) -> None:
    result = run("config", BETTER_AUTH_SECRET=SECRET)
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["SETTING", "VALUE", "ORIGIN"]
    names = [line.split()[0] for line in lines]
    assert names == [name.upper() for name in Settings.model_fields]
    assert f"BETTER_AUTH_SECRET            set ({len(SECRET)} bytes)" in result.stdout
    assert SECRET not in result.output
    assert list(folder.iterdir()) == []


def test_the_origin_of_each_value_is_named(folder: Path) -> None:
    (folder / "my.env").write_text("\n# A comment\nAUTH_LEEWAY=5\nWORKERS=3\n\n\nLOG_LEVEL=debug\n")
    settings = settings_of(
        *("--env-file", "my.env", "--port", "9000"), WORKERS="2", PORT="1", METRICS="off"
    )
    assert settings["AUTH_LEEWAY"] == ("5", "my.env, line 3")
    assert settings["LOG_LEVEL"] == ("debug", "my.env, line 7")
    assert settings["WORKERS"] == ("2", "environment")
    assert settings["PORT"] == ("9000", "option --port")
    assert settings["METRICS"] == ("off", "environment")
    assert settings["KEEP_ALIVE"] == ("75", "default")
    assert settings["ROOT_PATH"] == (None, "default")


def test_secrets_are_not_shown(folder: Path) -> None:
    report = report_of(BETTER_AUTH_SECRETS=f"2:{OTHER_SECRET}")
    secrets = {name for name, item in report["settings"].items() if item["secret"]}
    assert secrets == {"BETTER_AUTH_SECRET", "BETTER_AUTH_SECRETS"}
    assert report["settings"]["BETTER_AUTH_SECRETS"]["value"] == (
        f"2:set ({len(OTHER_SECRET)} bytes)"
    )
    assert OTHER_SECRET not in json.dumps(report)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///other.db", "sqlite:///other.db"),
        (f"postgresql://me:{HIDDEN}@db:5432/todos", "postgresql://me:***@db:5432/todos"),
        (f"postgresql://me:{HIDDEN}@a,b/x?sslpassword={HIDDEN}", "postgresql://me:***@a,b/x?..."),
        ("postgresql://db/todos", "postgresql://db/todos"),
        (f"postgresql://me:{HIDDEN}@[db/todos", "set"),
        (f"postgresql://me:a@{HIDDEN}@db/todos", "postgresql://me:***@db/todos"),
        (f"postgresql://me:{HIDDEN}/a@db/todos", "set"),  # the next five: not escaped
        (f"postgresql://me:a/{HIDDEN}@db/todos", "set"),
        (f"postgresql://me:{HIDDEN}?a@db/todos", "set"),
        (f"postgresql://me:{HIDDEN}#a@db/todos", "set"),
        (f"postgresql://me:1#{HIDDEN}@db/todos", "set"),
        (f"postgresql://me:{HIDDEN}/todos", "set"),  # no host
        (f"postgresql://db/todos;password={HIDDEN}", "set"),
        ("postgresql://me@[::1]:5432,b:1/todos", "postgresql://me@[::1]:5432,b:1/todos"),
        ("postgresql:///todos", "postgresql:///todos"),
    ],
)
def test_the_url_of_the_database_is_shown_without_its_password(url: str, shown: str) -> None:
    assert settings_of(DATABASE_URL=url)["DATABASE_URL"] == (shown, "environment")


def test_a_secret_in_a_file_has_that_file_as_origin(folder: Path) -> None:
    (folder / "secret").write_text(SECRET)
    settings = settings_of(BETTER_AUTH_SECRET="", BETTER_AUTH_SECRET_FILE="secret")
    assert settings["BETTER_AUTH_SECRET"][1] == "file of BETTER_AUTH_SECRET_FILE (environment)"


def test_the_settings_of_a_development_server_are_shown(folder: Path) -> None:
    secret_file.keep_secret(SECRET)
    (folder / ".env").write_text("AUTH_LEEWAY=5\n")
    report = report_of(BETTER_AUTH_SECRET="")
    assert report["settings"]["BETTER_AUTH_SECRET"]["origin"] == "file .dev-secret"
    assert report["settings"]["AUTH_LEEWAY"]["origin"] == ".env, line 1"
    (note,) = report["notes"]
    assert "development server of this folder" in note


def test_invalid_settings_are_shown_with_what_is_wrong() -> None:
    report = report_of(PORT=HIDDEN, LOGLEVEL="debug", exit_code=MISCONFIGURED)
    assert not report["ok"]
    assert [(item["variable"], item["warning"]) for item in report["problems"]] == [
        ("PORT", False),
        ("LOGLEVEL", True),
    ]
    port = report["settings"]["PORT"]
    assert (port["value"], port["origin"]) == (
        "8000",
        "default, because the value is invalid (environment)",
    )
    result = run("config", BETTER_AUTH_SECRET=SECRET, PORT=HIDDEN)
    assert result.exit_code == MISCONFIGURED
    assert result.stdout.startswith("SETTING")
    assert "PORT: " in result.stderr


def test_escape_sequences_in_values_do_not_reach_the_terminal() -> None:
    result = run("config", BETTER_AUTH_SECRET=SECRET, AUTH_ISSUER="\x1b[2Jx")
    assert "\x1b" not in result.output
    assert "\\x1b[2Jx" in result.output
