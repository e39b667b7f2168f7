"""The text of `explain` and `doctor`: findings as lines for a terminal."""

import json
from collections.abc import Iterable, Iterator

from backend.domain.diagnosis import Explanation, Finding
from backend.entrypoints.cli.exits import with_local_command
from backend.entrypoints.cli.output import printable
from backend.settings import Complaint


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Write a line for each check, and a line for each remedy."""
    for finding in findings:
        yield printable(f"  {_verdict(finding):<5} {finding.check}{_details(finding)}")
        if finding.remedy:
            yield printable(f"        -> {with_local_command(finding.remedy)}")


def explanation_lines(
    explanation: Explanation, *, warnings: Iterable[Complaint] = ()
) -> Iterator[str]:
    """Write the parts of a token, every check, and the response of the API.

    Args:
        explanation: Why the token is accepted or rejected.
        warnings: Warnings about the settings.
    """
    yield from finding_lines(map(from_complaint, warnings))
    for name, part in {"header": explanation.header, "claims": explanation.claims}.items():
        if part:
            yield f"{name} {json.dumps(part, indent=2)}"
    yield from finding_lines(explanation.findings)
    if explanation.accepted:
        yield f"Accepted: the API accepts this {explanation.credential}."
    elif explanation.code == explanation.reason == "verifier_unavailable":
        yield "Undecided: the API answers 503 verifier_unavailable until it can get the keys."
    else:
        yield (
            f"Rejected: the API answers 401 {explanation.code}. Reason in the log:"
            f" {explanation.reason}."
        )


def diagnosis_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Write every finding about an installation, and the number of problems."""
    findings = list(findings)
    yield from finding_lines(findings)
    match sum(finding.failed for finding in findings):
        case 0:
            yield "No problems found."
        case 1:
            yield "1 problem found."
        case count:
            yield f"{count} problems found."


def from_complaints(complaints: Iterable[Complaint]) -> list[Finding]:
    """Turn complaints about the settings into findings. Without errors, the settings are ok."""
    findings = list(map(from_complaint, complaints))
    if any(finding.failed for finding in findings):
        return findings
    return [Finding(check="settings"), *findings]


def from_complaint(complaint: Complaint) -> Finding:
    """Turn a complaint about the settings into a finding."""
    return Finding(
        check=complaint.variable,
        problem=complaint.problem,
        remedy=complaint.remedy,
        is_warning=complaint.is_warning,
    )


def _verdict(finding: Finding) -> str:
    if finding.problem:
        return "warn" if finding.is_warning else "FAIL"
    return "ok" if finding.checked else "--"


def _details(finding: Finding) -> str:
    if finding.problem is None:
        details = finding.found if finding.checked else f"not checked, {finding.found}"
        return f": {details}" if details else ""
    values = {"found": finding.found, "expected": finding.expected}
    details = ", ".join(f"{name} {value}" for name, value in values.items() if value)
    return f": {finding.problem}" + (f"; {details}" if details else "")
