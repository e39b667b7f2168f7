"""The settings of session cookies and the secrets are checked without a request."""

import pytest

from backend.adapters.auth.explain.configuration import diagnose_cookies, diagnose_secrets
from tests.adapters.auth.tokens import SECRET

TEXT = SECRET.decode()


def test_without_session_cookies_there_is_no_finding() -> None:
    assert diagnose_cookies("off", name="x", has_secret=True, origins=[]) == []


def test_the_accepted_session_cookies_are_described() -> None:
    (finding,) = diagnose_cookies(
        "jwt", name="session", has_secret=False, origins=["https://b.example", "https://a.example"]
    )
    assert finding.problem is None
    assert finding.found == (
        "strategy jwt, verified with the key set, in the cookie session. Changes need an `Origin`"
        " header with https://a.example, https://b.example. To check a cookie: python -m backend"
        " explain"
    )


@pytest.mark.parametrize("text", [f'"{TEXT}"', f"'{TEXT}'", f"'{TEXT}", f'{TEXT}"'])
def test_a_quoted_secret_is_a_problem(text: str) -> None:
    (finding,) = diagnose_secrets([TEXT, text])
    assert "quotation mark" in str(finding.problem)
    assert TEXT not in str(finding)


@pytest.mark.parametrize("text", [f"{TEXT}\n", f" {TEXT}", f"{TEXT}\r\n"])
def test_a_secret_with_a_line_break_is_a_problem(text: str) -> None:
    (finding,) = diagnose_secrets([text])
    assert "line break" in str(finding.problem)
    assert TEXT not in str(finding)


def test_a_good_secret_is_no_problem() -> None:
    assert diagnose_secrets([TEXT]) == []
    assert diagnose_secrets([]) == []
