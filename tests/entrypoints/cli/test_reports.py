"""`--json` of `explain` and `doctor`: the keys, which programs read, and the exit codes."""

import json
from typing import Any

import pytest

from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli import secret_file
from backend.entrypoints.cli.exits import MISCONFIGURED, MISUSED
from backend.entrypoints.cli.reports import diagnosis_report, explanation_report
from backend.settings import Complaint
from tests.adapters.auth.tokens import SECRET, token
from tests.entrypoints.cli.command_line import HIDDEN, run

CHECK_KEYS = {"check", "result", "problem", "found", "expected", "remedy"}


def json_of(*arguments: str, exit_code: int, **options: Any) -> dict[str, Any]:
    result = run(*arguments, "--json", **{"BETTER_AUTH_SECRET": SECRET.decode(), **options})
    assert result.exit_code == exit_code, result.output
    assert result.stdout.isascii()
    assert SECRET.decode() not in result.output
    report: dict[str, Any] = json.loads(result.stdout)
    assert all(check.keys() == CHECK_KEYS for check in report["checks"])
    return report


def test_doctor_reports_problems_as_json() -> None:
    report = json_of("doctor", exit_code=1, PORT="99999")
    assert report.keys() == {"ok", "problems", "notes", "checks"}
    assert (report["ok"], report["problems"], report["notes"]) == (False, 2, [])
    results = {check["check"]: check["result"] for check in report["checks"]}
    assert results["PORT"] == results["migrations"] == "failed"
    assert results["database"] == "ok"
    (migrations,) = (check for check in report["checks"] if check["check"] == "migrations")
    assert "migrate" in migrations["remedy"]


def test_doctor_reports_a_good_installation_as_json() -> None:
    secret_file.keep_secret(SECRET.decode())
    assert run("migrate").exit_code == 0
    report = json_of("doctor", exit_code=0, BETTER_AUTH_SECRET="")
    assert (report["ok"], report["problems"]) == (True, 0)
    (note,) = report["notes"]
    assert note.startswith("Nothing is configured, so this command checks the development server")


def test_explain_reports_a_valid_token_as_json() -> None:
    minted = run("token", "--role", "admin", BETTER_AUTH_SECRET=SECRET.decode()).stdout
    report = json_of("explain", stdin=minted, exit_code=0)
    assert report.keys() == {
        *("accepted", "credential", "status", "code", "reason", "header", "claims"),
        *("notes", "checks"),
    }
    assert (report["accepted"], report["status"], report["credential"]) == (True, 200, "token")
    assert (report["code"], report["reason"]) == (None, None)
    assert (report["header"]["alg"], report["claims"]["role"]) == ("HS256", "admin")
    assert minted.rpartition(".")[2].strip() not in json.dumps(report)


def test_explain_reports_a_rejected_token_as_json() -> None:
    report = json_of("explain", stdin=token(), exit_code=1)
    assert (report["accepted"], report["status"]) == (False, 401)
    assert (report["code"], report["reason"]) == ("invalid_token", "invalid_algorithm")


def test_explain_reports_an_outage_as_json() -> None:
    url = "http://127.0.0.1:1"
    report = json_of("explain", stdin=token(), exit_code=1, BETTER_AUTH_URL=url)
    assert (report["status"], report["code"]) == (503, "verifier_unavailable")


def test_a_token_as_an_argument_is_rejected_and_not_printed_with_json() -> None:
    result = run("explain", "--json", HIDDEN, BETTER_AUTH_SECRET=SECRET.decode())
    assert (result.exit_code, result.stdout) == (MISUSED, "")
    assert HIDDEN not in result.output


def test_explain_prints_no_json_with_invalid_settings() -> None:
    result = run("explain", "--json", stdin="x", PORT="http")
    assert (result.exit_code, result.stdout) == (MISCONFIGURED, "")


@pytest.mark.parametrize(
    ("finding", "result"),
    [
        (Finding(check="a"), "ok"),
        (Finding(check="a", checked=False, found="x"), "not checked"),
        (Finding(check="a", problem="p"), "failed"),
        (Finding(check="a", problem="p", is_warning=True), "warning"),
    ],
)
def test_each_check_has_a_result(finding: Finding, result: str) -> None:
    (check,) = diagnosis_report([finding], notes=[])["checks"]
    assert check["result"] == result


def test_warnings_about_the_settings_are_the_first_checks_of_an_explanation() -> None:
    warning = Complaint("HOST", "odd", "Unset it.", is_warning=True)
    explanation = Explanation(findings=[Finding(check="form")])
    report = explanation_report(explanation, warnings=[warning], notes=[])
    assert [check["check"] for check in report["checks"]] == ["HOST", "form"]
