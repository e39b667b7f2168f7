"""Secrets in files, which `…_FILE` variables name (Docker, Kubernetes)."""

from pathlib import Path

import pytest

from backend.settings import Settings
from tests.settings.environment import HIDDEN, OTHER_SECRET, SECRET, Environment

URL = "https://auth.example.com"
VALUES = {
    "BETTER_AUTH_SECRET": SECRET,
    "BETTER_AUTH_SECRETS": f"2:{OTHER_SECRET},1:{SECRET}",
    "DATABASE_URL": f"postgresql://me:{HIDDEN}@db/todos",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def value_of(settings: Settings, name: str) -> str:
    if name == "BETTER_AUTH_SECRETS":
        return ",".join(secret.get_secret_value() for secret in settings.better_auth_secrets)
    secret = settings.better_auth_secret if "AUTH" in name else settings.database_url
    assert secret is not None
    return secret.get_secret_value()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_secret_is_read_from_a_file_without_the_line_break_at_its_end(
    environment: Environment, file: Path, name: str, end: str
) -> None:
    file.write_bytes((VALUES[name] + end).encode())
    settings = environment.read(BETTER_AUTH_URL=URL, **{f"{name}_FILE": str(file)})
    assert value_of(settings, name) == VALUES[name]


def test_the_name_of_the_variable_may_be_in_lower_case(
    environment: Environment, file: Path
) -> None:
    file.write_text(SECRET)
    assert environment.read(better_auth_secret_file=str(file)).secrets == (SECRET,)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the file cannot be read: No such file or directory"),
        (b"", "the file is empty"),
        (b"\r\n", "the file is empty"),
        (b"\xff" * 40, "the file is not text in UTF-8"),
        (b"x" * 100_000, "the file has more than 65536 bytes"),
    ],
)
def test_a_file_without_a_secret_is_named_by_its_variable(
    environment: Environment, file: Path, name: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    (complaint,) = environment.complaints(
        BETTER_AUTH_URL=URL, AUTH_COOKIE="jwt", **{f"{name}_FILE": str(file)}
    )
    assert (complaint.variable, complaint.problem) == (f"{name}_FILE", problem)
    assert complaint.concerns(name)
    assert complaint.remedy == f"Set it to the path of a file that has the value of {name}."


def test_a_folder_is_not_accepted_as_the_file_of_a_secret(
    environment: Environment, tmp_path: Path
) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET_FILE=str(tmp_path))
    assert complaint.problem == "the file cannot be read: Is a directory"


@pytest.mark.parametrize("name", VALUES)
def test_a_variable_and_its_file_must_not_both_be_set(
    environment: Environment, file: Path, name: str
) -> None:
    file.write_text(VALUES[name])
    (complaint,) = environment.complaints(
        BETTER_AUTH_URL=URL, **{name: VALUES[name], f"{name}_FILE": str(file)}
    )
    assert complaint.variable == f"{name}_FILE"
    assert complaint.problem == f"{name} is set too"
    assert complaint.concerns(name)


def test_an_empty_variable_for_a_file_counts_as_unset(environment: Environment, file: Path) -> None:
    file.write_text(SECRET)
    variables = {"BETTER_AUTH_SECRET": "", "BETTER_AUTH_SECRET_FILE": str(file)}
    assert environment.read(**variables, DATABASE_URL_FILE="").secrets == (SECRET,)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("BETTER_AUTH_SECRET", HIDDEN),
        ("BETTER_AUTH_SECRETS", f"1:{HIDDEN}"),
        ("DATABASE_URL", f"mysql://root:{HIDDEN}@db/todos"),
    ],
)
def test_an_invalid_value_in_a_file_is_named_by_the_variable_of_the_file(
    environment: Environment, file: Path, name: str, content: str
) -> None:
    file.write_text(content)
    (complaint,) = environment.complaints(BETTER_AUTH_URL=URL, **{f"{name}_FILE": str(file)})
    assert complaint.variable == f"{name}_FILE"
    assert complaint.concerns(name)
    assert complaint.remedy.startswith("Write to the file ")
    assert HIDDEN not in str(complaint)


@pytest.mark.parametrize("name", ["BETTER_AUTH_SECRET", "BETTER_AUTH_SECRETS"])
def test_a_file_with_a_secret_names_an_issuer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"{name}_FILE", "/nowhere")
    assert Settings.names_an_issuer()


def test_a_misspelled_name_of_a_file_is_reported(environment: Environment) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_URL=URL, BETTER_AUTH_SECRT_FILE="/x")
    assert complaint.meant == "BETTER_AUTH_SECRET_FILE"


def test_an_argument_replaces_a_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(OTHER_SECRET)
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", str(file))
    assert Settings.load(better_auth_secret=SECRET).secrets == (SECRET,)
