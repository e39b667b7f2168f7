"""Reports for operators: the findings of `explain` and `doctor`, and the state of the key set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a check.

    Attributes:
        check: The name of the check.
        checked: Whether the check ran. If not, `found` says why.
        found: The values that were found.
        expected: The values that the check accepts; None if the check passed.
        problem: The problem; None if the check passed or did not run.
        remedy: How to fix the problem; without a problem, advice or None.
        is_warning: Whether the check passed in spite of the problem.
        is_temporary: Whether the problem can go away without a change by the operator.
    """

    check: str
    checked: bool = True
    found: str | None = None
    expected: str | None = None
    problem: str | None = None
    remedy: str | None = None
    is_warning: bool = False
    is_temporary: bool = False

    @property
    def failed(self) -> bool:
        """Whether the check failed."""
        return self.problem is not None and not self.is_warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a token is accepted or rejected.

    Attributes:
        header: The header of the token, without secrets; empty if it cannot be decoded.
        claims: The claims of the token, without secrets; empty if they cannot be decoded.
        findings: The result of every check, in order.
        code: The `code` of the API's response to this token; None if the token is accepted.
        reason: The precise reason in the log and the metrics; None if the token is accepted.
        credential: The kind of credential: `token`, `session cookie` or `session token`.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    code: str | None = None
    reason: str | None = None
    credential: str = "token"

    @property
    def accepted(self) -> bool:
        """Whether every check passed, so that the verifier accepts the token."""
        return not any(finding.failed for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetState:
    """The state of the issuer's key set, for readiness and metrics.

    Attributes:
        kids: The ids of the usable keys.
        rejected: Why each unusable key of the set is ignored.
        age: Seconds since the last successful fetch; None before the first.
        attempted: Seconds since the last fetch started; None before the first.
        error: Why the last attempt failed; None if it succeeded.
        usable: Whether tokens can be verified now.
        fetches: The number of fetches with each result.
    """

    kids: tuple[str, ...]
    rejected: tuple[str, ...]
    age: float | None
    attempted: float | None
    error: str | None
    usable: bool
    fetches: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCacheState:
    """The state of a cache of verified tokens, for metrics.

    Attributes:
        hits: The number of tokens that were found in the cache.
        misses: The number of tokens that were not found.
        tokens: The number of cached tokens.
        maximum: The maximum number of cached tokens.
    """

    hits: int
    misses: int
    tokens: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """The state of a pool of database connections, for metrics.

    Attributes:
        name: The purpose of the connections: `all`, `read` or `write`.
        in_use: The number of connections that work for a caller.
        idle: The number of open connections that do not work for a caller.
        maximum: The maximum number of connections.
        waiting: The number of callers that wait for a connection.
        timeouts: The number of callers that got no connection in time.
    """

    name: str
    in_use: int
    idle: int
    maximum: int
    waiting: int
    timeouts: int
