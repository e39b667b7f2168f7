"""Explains why a session token of Better Auth's plugin `bearer` is accepted or rejected."""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote

from backend.adapters.auth.better_auth.session_tokens import check_signature
from backend.adapters.auth.explain.context import utc
from backend.adapters.auth.explain.failures import Failure, code_and_reason
from backend.adapters.auth.explain.fetches import BETTER_AUTH
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.redaction.values import quoted
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InactiveTokenError,
    InvalidSignatureError,
    Principal,
    VerifierUnavailableError,
)
from backend.domain.diagnosis import Explanation, Finding

CREDENTIAL: Final = "session token"

_CHECK: Final = "session tokens"
_FORM: Final = re.compile(r"[\w~+/-]{16,256}(\.[\w+/=%-]{43,60})?", re.ASCII)
_SIGNED: Final = "the text and its signature, separated by a dot"
_HEADER: Final = "Send the value of the header `set-auth-token` of the response to the sign-in."
_DECODE: Final = "Decode the token with decodeURIComponent before you send it."
_FORM_REMEDY: Final = f"{_HEADER} The member `token` of that response has no signature."
_SIGNATURE_REMEDY: Final = (
    "The token was changed, or another secret signed it. Set BETTER_AUTH_SECRET to exactly the text"
    " that Better Auth uses, without decoding it. After a rotation, users sign in again."
)
_ENDED_REMEDY: Final = (
    "Sign in again. If the user is banned, lift the ban in Better Auth. If new tokens are refused"
    " too, add the plugin `bearer` to the Better Auth server at BETTER_AUTH_URL."
)
_OTHER_REMEDY: Final = "Fix the user or the session in the database of Better Auth."
_RATE_LIMIT: Final = (
    "Better Auth limits the requests of this server. Exempt them there: `rateLimit: { customRules:"
    ' { "/get-session": false } }`.'
)
_NOT_GET_SESSION: Final = (
    "The URL must be that of Better Auth's own `get-session`. Set BETTER_AUTH_URL to Better Auth's"
    " base URL, with its base path if that is not /api/auth."
)
_TOO_MANY_REQUESTS: Final = 429


class SessionTokenExplainer:
    """Explains session tokens with the same parts that verify them.

    Args:
        verify: Verifies a session token.
        secret: The bytes of Better Auth's current secret.
    """

    def __init__(self, verify: Callable[[str], Awaitable[Principal]], *, secret: bytes) -> None:
        self._verify = verify
        self._secret = secret

    def recognizes(self, text: str) -> bool:
        """Return whether a text has the form of a session token, also without its signature."""
        return _FORM.fullmatch(text) is not None

    async def explain(self, token: str) -> Explanation:
        """Run every check on a session token.

        Args:
            token: The token. Untrusted and secret.
        """
        try:
            check_signature(token, self._secret)
        except AuthError as error:
            return _explanation([self._form_or_signature(token, error)], error)
        findings = [
            Finding(check="format", found=f"a session token, {len(token)} characters"),
            Finding(check="signature", found="by the secret"),
        ]
        try:
            principal = await self._verify(token)
        except (AuthError, VerifierUnavailableError) as error:
            problem = Finding(check="session", problem=str(error), remedy=_remedy(error))
            return _explanation([*findings, problem], error)
        user, end = quoted(principal.user_id, name="sub"), utc(principal.expires_at)
        findings.append(Finding(check="session", found=f"user {user}, valid until {end}"))
        return _explanation(findings, None)

    def _form_or_signature(self, token: str, error: AuthError) -> Finding:
        if "%" in token:
            try:
                check_signature(unquote(token), self._secret)
            except AuthError as decoded:
                error = decoded
            else:
                problem = "the token is URL-encoded"
                return Finding(check="format", problem=problem, remedy=_DECODE)
        if isinstance(error, InvalidSignatureError):
            return Finding(check="signature", problem=str(error), remedy=_SIGNATURE_REMEDY)
        return Finding(check="format", expected=_SIGNED, problem=str(error), remedy=_FORM_REMEDY)


async def diagnose_session_tokens(
    fetch: Callable[[], Awaitable[bytes]] | None, *, url: str | None, max_age: float
) -> list[Finding]:
    """Ask `get-session` as a client without a session; nothing if no session tokens are accepted.

    Args:
        fetch: Asks without a token. Returns the body of the answer or raises `FetchError`.
        url: The URL of `get-session`.
        max_age: Seconds for which an answer is used.
    """
    if fetch is None:
        return []
    try:
        document = await fetch()
    except FetchError as error:
        problem = f"{error}, from {url}"
        return [Finding(check=_CHECK, problem=problem, remedy=outage_remedy(error))]
    if document.strip() != b"null":
        problem = f"the answer of {url} to a client without a session is not `null`"
        return [Finding(check=_CHECK, problem=problem, remedy=_NOT_GET_SESSION)]
    found = (
        f"{url} is asked about each session, and an answer is used for {max_age:g} s. Whether"
        " Better Auth has the plugin `bearer` was not checked: explain a token to find out"
    )
    return [Finding(check=_CHECK, found=found)]


def outage_remedy(error: FetchError) -> str:
    """Return the remedy if Better Auth cannot be asked."""
    if error.status == _TOO_MANY_REQUESTS:
        return _RATE_LIMIT
    if error.kind in {
        FetchErrorKind.UNREACHABLE,
        FetchErrorKind.TIMEOUT,
        FetchErrorKind.CERTIFICATE,
        FetchErrorKind.TLS,
        FetchErrorKind.NOT_HTTP,
        FetchErrorKind.REDIRECT,
    }:
        return BETTER_AUTH.remedy(error)
    return _NOT_GET_SESSION


def _remedy(error: Failure) -> str:
    if isinstance(error, VerifierUnavailableError):
        cause = error.__cause__
        return outage_remedy(cause) if isinstance(cause, FetchError) else _NOT_GET_SESSION
    if isinstance(error, InactiveTokenError | ExpiredTokenError):
        return _ENDED_REMEDY
    return _OTHER_REMEDY


def _explanation(findings: list[Finding], failure: Failure | None) -> Explanation:
    code, reason = code_and_reason(failure)
    return Explanation(findings=findings, code=code, reason=reason, credential=CREDENTIAL)
