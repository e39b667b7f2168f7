"""The results of `explain`, `doctor` and `config` as JSON.

Programs read the keys, so the keys stay stable.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli.exits import with_local_command
from backend.entrypoints.cli.findings import from_complaint
from backend.settings import Complaint, errors_of
from backend.settings.effective import EffectiveSetting


def diagnosis_report(findings: Sequence[Finding], *, notes: Iterable[str]) -> dict[str, Any]:
    """Return the result of `doctor`.

    Args:
        findings: Every finding about the installation.
        notes: Where the settings come from.
    """
    problems = sum(finding.failed for finding in findings)
    return {
        "ok": problems == 0,
        "problems": problems,
        "notes": _notes(notes),
        "checks": [_check(finding) for finding in findings],
    }


def explanation_report(
    explanation: Explanation, *, warnings: Iterable[Complaint], notes: Iterable[str]
) -> dict[str, Any]:
    """Return the result of `explain`.

    Args:
        explanation: Why the token is accepted or rejected.
        warnings: Warnings about the settings.
        notes: Where the settings come from.
    """
    unavailable = explanation.code == explanation.reason == "verifier_unavailable"
    return {
        "accepted": explanation.accepted,
        "credential": explanation.credential,
        "status": 200 if explanation.accepted else 503 if unavailable else 401,
        "code": explanation.code,
        "reason": explanation.reason,
        "header": dict(explanation.header),
        "claims": dict(explanation.claims),
        "notes": _notes(notes),
        "checks": [
            _check(item) for item in (*map(from_complaint, warnings), *explanation.findings)
        ],
    }


def settings_report(
    settings: Iterable[EffectiveSetting],
    *,
    complaints: Sequence[Complaint],
    notes: Iterable[str],
) -> dict[str, Any]:
    """Return the result of `config`.

    Args:
        settings: Every setting.
        complaints: The problems with the settings.
        notes: Where the settings come from.
    """
    return {
        "ok": not errors_of(complaints),
        "notes": _notes(notes),
        "settings": {
            item.variable: {"value": item.value, "origin": item.origin, "secret": item.is_secret}
            for item in settings
        },
        "problems": [
            {
                "variable": complaint.variable,
                "problem": complaint.problem,
                "remedy": with_local_command(complaint.remedy),
                "warning": complaint.is_warning,
            }
            for complaint in complaints
        ],
    }


def _check(finding: Finding) -> dict[str, Any]:
    if finding.problem:
        result = "warning" if finding.is_warning else "failed"
    else:
        result = "ok" if finding.checked else "not checked"
    return {
        "check": finding.check,
        "result": result,
        "problem": finding.problem,
        "found": finding.found,
        "expected": finding.expected,
        "remedy": finding.remedy and with_local_command(finding.remedy),
    }


def _notes(notes: Iterable[str]) -> list[str]:
    return [with_local_command(note).strip() for note in notes]
