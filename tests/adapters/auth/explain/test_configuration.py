"""`doctor` describes the session cookies that an installation accepts."""

from backend.adapters.auth.explain.configuration import diagnose_cookies


def test_there_is_no_finding_without_session_cookies() -> None:
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
