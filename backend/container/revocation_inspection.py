"""Explains whether a token is revoked, and checks the revocations, for the command line."""

from dataclasses import replace
from typing import Final

from backend.adapters.auth.explain.failures import Failure, code_and_reason
from backend.adapters.persistence.database import Database
from backend.container.revocations import check_readable
from backend.domain.auth import AuthError, TokenVerifier, VerifierUnavailableError
from backend.domain.diagnosis import Explanation, Finding
from backend.domain.revocation import RevocationCheck, RevokedTokenError
from backend.settings import ConfigurationError

_REVOKED: Final = "Sign in again. `python -m backend revoke` made the entry, and the entry expires."
_OTHER: Final = "See docs/revocation.md."


async def explain_revocation(
    database: Database,
    check: RevocationCheck | None,
    explanation: Explanation,
    verifier: TokenVerifier,
    text: str,
) -> Explanation:
    """Extend the explanation of an accepted token or cookie: is it revoked?

    Args:
        database: The database, not open yet.
        check: Finds out whether a token is revoked; None if tokens cannot be revoked.
        explanation: The result of the other checks.
        verifier: Verifies the text, and calls the check.
        text: The token, or the value of the cookie. Secret.
    """
    if check is None or not explanation.accepted:
        return explanation
    failure: Failure | None = None
    try:
        async with database:
            await verifier.verify(text)
    except (AuthError, VerifierUnavailableError) as error:
        failure = error
    finding = Finding(check="revocation", found="not revoked")
    if failure is not None:
        remedy = _REVOKED if isinstance(failure, RevokedTokenError) else _OTHER
        finding = Finding(check="revocation", problem=str(failure), remedy=remedy)
    code, reason = code_and_reason(failure)
    findings = [*explanation.findings, finding]
    return replace(explanation, findings=findings, code=code, reason=reason)


async def diagnose_revocations(database: Database, check: RevocationCheck | None) -> list[Finding]:
    """Return whether a server can read the revocations; nothing if tokens cannot be revoked."""
    if check is None:
        return []
    try:
        await check_readable(database, check)
    except ConfigurationError as error:
        (complaint,) = error.complaints
        return [Finding(check="revocations", problem=complaint.problem, remedy=complaint.remedy)]
    return [Finding(check="revocations", found="can be read")]
