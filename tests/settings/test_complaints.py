"""Complaints: their text, and their settings."""

import pytest

from backend.settings import Complaint, ConfigurationError, Settings
from tests.settings.environment import Environment

PORT = Complaint("PORT", "too large", "Set it to a port from 0 to 65535.")
HOST = Complaint("HOST", "not an address", "Set it to 127.0.0.1.")


def test_the_text_has_the_variable_the_problem_and_the_remedy() -> None:
    assert str(PORT) == "PORT: too large. Set it to a port from 0 to 65535."


def test_an_error_shows_every_complaint_on_a_line() -> None:
    error = ConfigurationError(iter([PORT, HOST]))
    assert error.complaints == (PORT, HOST)
    assert str(error) == f"{PORT}\n{HOST}"


def test_a_complaint_concerns_its_variable() -> None:
    assert PORT.concerns("PORT")
    assert not PORT.concerns("HOST")


@pytest.mark.parametrize("name", ["DATABASE_URI", "DATABASE_URLS", "DATABASE_UR"])
def test_a_misspelled_name_concerns_the_similar_setting(
    environment: Environment, name: str
) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_URL="https://a.example.com", **{name: "x"})
    assert complaint.concerns("DATABASE_URL")
    assert complaint.concerns(name)
    assert not complaint.concerns("DATABASE_POOL_SIZE")


def test_every_problem_is_reported_at_once(environment: Environment) -> None:
    complaints = environment.complaints(
        BETTER_AUTH_SECRET="short",
        AUTH_ALGORITHMS="ES256",
        DATABASE_URL="nowhere",
        PORT="http",
        LOG_FORMAT="xml",
    )
    assert [complaint.variable for complaint in complaints] == [
        "BETTER_AUTH_SECRET",
        "DATABASE_URL",
        "PORT",
        "LOG_FORMAT",
        "AUTH_ALGORITHMS",
    ]


def test_load_raises_every_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(ConfigurationError) as failure:
        Settings.load()
    variables = [complaint.variable for complaint in failure.value.complaints]
    assert variables == ["PORT", "BETTER_AUTH_URL"]
    assert str(failure.value) == "\n".join(str(item) for item in failure.value.complaints)
