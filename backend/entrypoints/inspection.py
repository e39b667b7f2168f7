"""For the operator: why a token is refused, and what keeps the server from serving."""

import json
from collections.abc import Iterable, Iterator

from backend.domain.diagnosis import Explanation, Finding


def report(findings: Iterable[Finding]) -> Iterator[str]:
    """Write findings down, a line for each check and one for each remedy."""
    for finding in findings:
        if finding.problem is None:
            yield f"  ok    {finding.check}"
        else:
            yield f"  FAIL  {finding.check}: {finding.problem}"
            if finding.remedy:
                yield f"        -> {finding.remedy}"


def describe(explanation: Explanation) -> Iterator[str]:
    """Write an explanation down: the token's parts, every check, and what follows from them."""
    for name, part in {"header": explanation.header, "claims": explanation.claims}.items():
        if part:
            yield f"{name} {json.dumps(part, indent=2)}"
    yield from report(explanation.findings)
    yield "This token is accepted." if explanation.accepted else "This token is refused."


def of_complaints(complaints: Iterable[str], *, good: Iterable[str]) -> Iterator[Finding]:
    """Turn complaints about variables into findings.

    Args:
        complaints: The complaints, each of which begins with its variable.
        good: What was checked, to be told if there are no complaints.
    """
    found = [complaint.partition(": ") for complaint in complaints]
    for variable, _, problem in found:
        yield Finding(check=variable, problem=problem)
    if not found:
        yield from (Finding(check=check) for check in good)
