"""The error of a check, with its code for the caller and its reason for the operator."""

from typing import Final

from backend.domain.auth import AuthError, VerifierUnavailableError

Failure = AuthError | VerifierUnavailableError

_UNAVAILABLE: Final = "verifier_unavailable"


def code_and_reason(failure: Failure | None) -> tuple[str | None, str | None]:
    """Return the code of the API's response and the reason in its log; None without a failure."""
    if isinstance(failure, AuthError):
        return failure.code, failure.reason
    return (_UNAVAILABLE, _UNAVAILABLE) if failure else (None, None)
