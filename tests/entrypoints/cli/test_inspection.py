"""How findings are written down, and how a token is read."""

import io
import os
import pty
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli import inspection
from backend.settings import Settings
from backend.settings.values import LogFormat, LogLevel

EVIL = "\x1b[2J\x1b]0;t\x07\x9b31m\u202eevil\u2066\u2028\r\n\x7f\x00"


def test_each_verdict_has_a_line_and_each_remedy_another() -> None:
    findings = [
        Finding(check="form"),
        Finding(check="subject", found='"user-1"'),
        Finding(check="user", checked=False, found="the payload is refused"),
        Finding(check="issuer", problem="issued by someone else", found="x", expected="y"),
        Finding(check="times", problem="no exp", remedy="Put it in."),
        Finding(check="keys", problem="none", expected="some"),
    ]
    assert list(inspection.report(findings)) == [
        "  ok    form",
        '  ok    subject: "user-1"',
        "  --    user: not checked, the payload is refused",
        "  FAIL  issuer: issued by someone else; found x, expected y",
        "  FAIL  times: no exp",
        "        -> Put it in.",
        "  FAIL  keys: none; expected some",
    ]


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (Explanation(findings=[Finding(check="form")]), "Accepted: the API takes this token."),
        (
            Explanation(
                findings=[Finding(check="times", problem="exp is in the past")],
                code="token_expired",
                reason="token_expired",
            ),
            "Refused: the API answers 401 token_expired; its log and metrics say token_expired.",
        ),
        (
            Explanation(
                findings=[Finding(check="signature", problem="no keys")],
                code="verifier_unavailable",
                reason="verifier_unavailable",
            ),
            "Undecided: the API answers 503 verifier_unavailable, until its keys can be had.",
        ),
    ],
)
def test_an_explanation_ends_with_what_the_api_answers(said: Explanation, last: str) -> None:
    assert list(inspection.describe(said))[-1] == last


def test_an_explanation_begins_with_the_tokens_parts() -> None:
    said = Explanation(header={"alg": "EdDSA"}, claims={"name": "Zoë"})
    header, claims, *_ = inspection.describe(said)
    assert header == 'header {\n  "alg": "EdDSA"\n}'
    assert claims == 'claims {\n  "name": "Zo\\u00eb"\n}'


@pytest.mark.parametrize(
    ("wrong", "last"), [(0, "All is well."), (1, "One thing to mend."), (3, "3 to mend.")]
)
def test_an_examination_ends_with_how_much_is_wrong(wrong: int, last: str) -> None:
    findings = [Finding(check="a"), *[Finding(check="b", problem="p")] * wrong]
    assert list(inspection.examine(findings))[-1] == last


def test_complaints_become_findings_with_their_remedies() -> None:
    complaints = ["PORT: too large. Set it to a port. Or do not.", "HOST: odd"]
    assert list(inspection.of_complaints(complaints)) == [
        Finding(check="PORT", problem="too large", remedy="Set it to a port. Or do not."),
        Finding(check="HOST", problem="odd"),
    ]
    assert list(inspection.of_complaints([])) == [Finding(check="settings")]


@given(st.text() | st.just(EVIL))
def test_nothing_that_a_terminal_would_obey_is_written(text: str) -> None:
    finding = Finding(check=text, problem=text or "p", found=text, expected=text, remedy=text)
    said = Explanation(header={text: text}, claims={text: [text]}, findings=[finding], code="x")
    for line in inspection.describe(said):
        assert all(part.isprintable() for part in line.split("\n"))
    for line in inspection.report([finding]):
        assert line.isprintable()


def test_only_errors_are_logged_beside_findings() -> None:
    settings = Settings(log_level=LogLevel.DEBUG, log_format=LogFormat.JSON)
    quiet = inspection.quietened(settings)
    assert (quiet.log_level, quiet.log_format) == (LogLevel.ERROR, LogFormat.JSON)


@pytest.mark.parametrize(
    ("given_bytes", "read"),
    [
        (b"", ""),
        (b" \r\n\t", ""),
        (b"a.b.c\r\n", "a.b.c"),
        (b"\xef\xbb\xbfa.b.c\n", "a.b.c"),
        (b"\xff\x00\xfe", "\ufffd\x00\ufffd"),
    ],
)
def test_a_token_is_read_from_whatever_bytes_there_are(
    monkeypatch: pytest.MonkeyPatch, given_bytes: bytes, read: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given_bytes), "utf-8"))
    assert inspection.read_token() == read


def test_of_endless_input_only_so_much_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/zero", encoding="utf-8") as endless:  # noqa: PTH123 - as the shell opens it
        monkeypatch.setattr(sys, "stdin", endless)
        assert len(inspection.read_token()) == 1_000_000


def test_without_any_standard_input_no_token_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert inspection.read_token() == ""


@pytest.fixture
def terminal() -> Iterator[int]:
    """The end of a terminal that its user holds; the other end is standard input."""
    user, other = pty.openpty()
    with (
        os.fdopen(other, "r", encoding="utf-8") as standard_input,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", standard_input)
        yield user
    os.close(user)


def test_at_a_terminal_the_token_is_asked_for_and_not_shown(
    terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return " a.b.c "

    monkeypatch.setattr("getpass.getpass", typed)
    assert inspection.read_token() == "a.b.c"
    assert asked == ["Token: "]
