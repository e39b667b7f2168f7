"""What an operator is told: each check, what is wrong, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check.

    Attributes:
        check: What is checked.
        checked: Whether it could be; if not, `found` says what is in the way.
        found: What there is.
        expected: What there ought to be; told if there is a problem.
        problem: What is wrong; None if nothing is.
        remedy: What to do about it, if anything is known to help.
    """

    check: str
    checked: bool = True
    found: str | None = None
    expected: str | None = None
    problem: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All there is to say of a token.

    Attributes:
        header: What its header says, without what is secret; empty if it cannot be read.
        claims: What its payload says, likewise.
        findings: Every check, in order.
        code: The code of the API's answer to this token; None if it is accepted.
        reason: The precise reason, as the log and the metrics have it.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    code: str | None = None
    reason: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether every check holds, which is when the verifier accepts the token."""
        return all(finding.problem is None for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetState:
    """What is known of the key set, for readiness, metrics and the operator.

    Attributes:
        kids: The ids of the keys that are usable.
        rejected: Why each unusable member of the set was dropped.
        age: Seconds since the last good fetch; None before the first.
        attempted: Seconds since the last attempt; None before the first.
        error: What went wrong at the last attempt; None if nothing did.
        usable: Whether tokens can be verified now.
    """

    kids: tuple[str, ...]
    rejected: tuple[str, ...]
    age: float | None
    attempted: float | None
    error: str | None
    usable: bool
