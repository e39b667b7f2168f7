"""Findings as lines for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli.findings import (
    diagnosis_lines,
    explanation_lines,
    finding_lines,
    from_complaints,
)
from backend.settings import Complaint

ESCAPES = "\x1b[2J\x1b]0;t\x07\x9b31m\u202eevil\u2066\u2028\r\n\x7f\x00"


def test_each_check_and_each_remedy_has_a_line() -> None:
    findings = [
        Finding(check="form"),
        Finding(check="subject", found='"user-1"'),
        Finding(check="user", checked=False, found="the payload is refused"),
        Finding(check="issuer", problem="issued by someone else", found="x", expected="y"),
        Finding(check="times", problem="no exp", remedy="Put it in."),
        Finding(check="keys", problem="none", expected="some"),
        Finding(check="HOST", problem="odd", remedy="Unset it.", is_warning=True),
        Finding(check="format", found="long", remedy="Make it shorter."),
    ]
    assert list(finding_lines(findings)) == [
        "  ok    form",
        '  ok    subject: "user-1"',
        "  --    user: not checked, the payload is refused",
        "  FAIL  issuer: issued by someone else; found x, expected y",
        "  FAIL  times: no exp",
        "        -> Put it in.",
        "  FAIL  keys: none; expected some",
        "  warn  HOST: odd",
        "        -> Unset it.",
        "  ok    format: long",
        "        -> Make it shorter.",
    ]


@pytest.mark.parametrize(
    ("explanation", "last"),
    [
        (Explanation(findings=[Finding(check="form")]), "Accepted: the API accepts this token."),
        (
            Explanation(
                findings=[Finding(check="times", problem="exp is in the past")],
                code="token_expired",
                reason="token_expired",
            ),
            "Rejected: the API answers 401 token_expired. Reason in the log: token_expired.",
        ),
        (
            Explanation(
                findings=[Finding(check="signature", problem="no keys")],
                code="verifier_unavailable",
                reason="verifier_unavailable",
            ),
            "Undecided: the API answers 503 verifier_unavailable until it can get the keys.",
        ),
    ],
)
def test_an_explanation_ends_with_what_the_api_answers(explanation: Explanation, last: str) -> None:
    assert list(explanation_lines(explanation))[-1] == last


def test_an_explanation_begins_with_the_parts_of_the_token() -> None:
    explanation = Explanation(header={"alg": "EdDSA"}, claims={"name": "Zoë"})
    header, claims, *_ = explanation_lines(explanation)
    assert header == 'header {\n  "alg": "EdDSA"\n}'
    assert claims == 'claims {\n  "name": "Zo\\u00eb"\n}'


@pytest.mark.parametrize(
    ("count", "last"),
    [(0, "No problems found."), (1, "1 problem found."), (3, "3 problems found.")],
)
def test_a_diagnosis_ends_with_the_number_of_problems(count: int, last: str) -> None:
    findings = [Finding(check="a"), *[Finding(check="b", problem="p")] * count]
    assert list(diagnosis_lines(findings))[-1] == last


def test_complaints_become_findings_with_their_remedies() -> None:
    complaints = [
        Complaint("PORT", "too large: 65536. At most 65535", "Choose a port. Or leave PORT unset."),
        Complaint("HOST", "not an address", "Set it to 127.0.0.1."),
    ]
    assert from_complaints(complaints) == [
        Finding(
            check="PORT",
            problem="too large: 65536. At most 65535",
            remedy="Choose a port. Or leave PORT unset.",
        ),
        Finding(check="HOST", problem="not an address", remedy="Set it to 127.0.0.1."),
    ]


def test_the_settings_are_ok_without_complaints() -> None:
    assert from_complaints([]) == [Finding(check="settings")]


@given(st.text() | st.just(ESCAPES))
def test_escape_sequences_are_escaped(text: str) -> None:
    finding = Finding(check=text, problem=text or "p", found=text, expected=text, remedy=text)
    explanation = Explanation(
        header={text: text}, claims={text: [text]}, findings=[finding], code="x"
    )
    for line in explanation_lines(explanation):
        assert all(part.isprintable() for part in line.split("\n"))
    for line in finding_lines([finding]):
        assert line.isprintable()
