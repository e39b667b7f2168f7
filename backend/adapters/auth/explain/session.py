"""Explains why a session cookie is accepted or rejected."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from backend.adapters.auth.better_auth.cookie_formats import JWKS_TYPE, CookieDecoder
from backend.adapters.auth.claims import Claims
from backend.adapters.auth.explain.context import shown_time, utc
from backend.adapters.auth.explain.cookies import COMPACT_COOKIE, JWE, has_session
from backend.adapters.auth.explain.custom_claims import claims_finding
from backend.adapters.auth.explain.failures import Failure, code_and_reason
from backend.adapters.auth.explain.fetches import BETTER_AUTH
from backend.adapters.auth.jose.jws import decode_object, parse_compact
from backend.adapters.auth.redaction.values import quoted, redacted
from backend.domain.auth import AuthError, ExpiredTokenError, Principal, VerifierUnavailableError
from backend.domain.diagnosis import Explanation, Finding

CREDENTIAL: Final = "session cookie"

_JWT_MAX_LENGTH: Final = 64 * 1024
_WHOLE: Final = -1  # the number of a cookie that is not split into chunks
_PAIR: Final = re.compile(r"(?:__Secure-)?(?P<name>[\w.-]+)=(?P<value>[^;\s]+)")

_SIGNATURE_REMEDY: Final = (
    "The cookie was changed, or another key or secret made it. Set BETTER_AUTH_SECRET to exactly"
    " the text that Better Auth uses: no quotation marks, no line break, not decoded."
)
_EXPIRED_REMEDY: Final = (
    "Call authClient.getSession(): Better Auth then renews the cookie. It lasts for"
    " session.cookieCache.maxAge. (If the cookie is new, your clock is ahead.)"
)
_OTHER_REMEDY: Final = (
    "Better Auth's cookie cache makes cookies with a session and its user. Check that"
    " session.cookieCache is enabled there, and AUTH_COOKIE_VERSION here."
)


class CookieExplainer:
    """Explains session cookies with the same parts that verify them.

    Args:
        verify: Verifies the value of a cookie.
        decode: Authenticates cookies of the accepted strategy and returns their claims.
        strategy: The accepted strategy.
        name: The name of the cookie, without `__Secure-`.
        claim_names: The names of the further claims of a principal (`AUTH_CLAIMS`).
    """

    def __init__(
        self,
        verify: Callable[[str], Awaitable[Principal]],
        decode: CookieDecoder,
        *,
        strategy: str,
        name: str,
        claim_names: Sequence[str] = (),
    ) -> None:
        self._verify = verify
        self._decode = decode
        self._strategy = strategy
        self._name = name
        self._claim_names = claim_names

    def find(self, text: str) -> str | None:
        """Return the session cookie in a text; None if the text has no cookie.

        Args:
            text: The value of a cookie, or a `Cookie` header. Untrusted and secret.
        """
        chunks: dict[int, str] = {}  # by number
        for pair in _PAIR.finditer(text):
            suffix = pair["name"].removeprefix(self._name)
            if pair["name"].startswith(self._name) and re.fullmatch(r"(\.[0-9]{1,2})?", suffix):
                chunks[int(suffix[1:] or _WHOLE)] = pair["value"]
        if chunks:
            return chunks.get(_WHOLE) or "".join(chunks[number] for number in sorted(chunks))
        return text if _strategy(text) else None

    async def explain(self, value: str) -> Explanation:
        """Run every check on a session cookie.

        Args:
            value: The value of the cookie, with its chunks joined. Untrusted and secret.
        """
        strategy = _strategy(value)
        try:
            claims = await self._decode(value)
        except (AuthError, VerifierUnavailableError) as error:
            if isinstance(error, AuthError) and strategy != self._strategy:
                return _explanation([self._wrong_strategy(strategy)], failure=error)
            findings = [_format(strategy, value), _finding("signature", error)]
            return _explanation(findings, failure=error)
        findings = [
            _format(strategy, value),
            Finding(check="signature", found=f"as AUTH_COOKIE={self._strategy} requires"),
        ]
        failure: Failure | None = None
        try:
            principal = await self._verify(value)
        except (AuthError, VerifierUnavailableError) as error:
            failure = error
            findings.append(_finding("session", error, found=_times(claims)))
        else:
            user, end = quoted(principal.user_id, name="sub"), utc(principal.expires_at)
            findings.append(Finding(check="session", found=f"user {user}, valid until {end}"))
            if self._claim_names:
                findings.append(claims_finding(principal.claims, self._claim_names))
        return _explanation(findings, claims=claims, failure=failure)

    def _wrong_strategy(self, strategy: str | None) -> Finding:
        return Finding(
            check="format",
            found=f"strategy {strategy}" if strategy else None,
            expected=f"strategy {self._strategy}",
            problem="this is not a session cookie of the accepted strategy",
            remedy=(
                f"Set AUTH_COOKIE={strategy}, or change `strategy` of session.cookieCache in Better"
                " Auth."
                if strategy
                else "Send the whole value of the cookie, with all of its chunks."
            ),
        )


def _format(strategy: str | None, value: str) -> Finding:
    return Finding(check="format", found=f"strategy {strategy}, {len(value)} characters")


def _finding(check: str, failure: Failure, *, found: str | None = None) -> Finding:
    if isinstance(failure, VerifierUnavailableError):
        remedy = BETTER_AUTH.outage_remedy(failure)
    elif isinstance(failure, ExpiredTokenError):
        remedy = _EXPIRED_REMEDY
    else:
        remedy = _SIGNATURE_REMEDY if check == "signature" else _OTHER_REMEDY
    return Finding(check=check, found=found, problem=str(failure), remedy=remedy)


def _times(claims: Claims) -> str:
    session = claims.get("session")
    session_end = session.get("expiresAt") if isinstance(session, dict) else None
    return f"cookie until {shown_time(claims, 'exp')}, session until {quoted(session_end)}"


def _strategy(value: str) -> str | None:
    """Return the strategy of a session cookie; None for any other text."""
    if COMPACT_COOKIE.fullmatch(value):
        return "compact"
    if JWE.fullmatch(value):
        return "jwe"
    try:
        header, payload, *_ = parse_compact(value, max_length=_JWT_MAX_LENGTH)
        typ = decode_object(header).get("typ")
        claims = decode_object(payload, lone_surrogates=True)
    except AuthError:
        return None
    return "jwt" if has_session(claims) or typ == JWKS_TYPE else None


def _explanation(
    findings: Sequence[Finding], *, claims: Claims | None = None, failure: Failure | None
) -> Explanation:
    code, reason = code_and_reason(failure)
    return Explanation(
        claims=redacted(claims or {}),
        findings=findings,
        code=code,
        reason=reason,
        credential=CREDENTIAL,
    )
