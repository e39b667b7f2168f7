"""Why a token is accepted or refused, check by check, for the operator who holds it.

The checks are the verifier's own, and go on past the first that fails. What is added is the remedy.
"""

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from backend.adapters.auth.claims import Claims, ClaimsPolicy
from backend.adapters.auth.explain import remedies
from backend.adapters.auth.explain.forms import of_form
from backend.adapters.auth.explain.redaction import redacted
from backend.adapters.auth.explain.situation import OFF, Situation
from backend.adapters.auth.jose.jws import CompactJws, decode_object, parse_compact
from backend.adapters.auth.pyjwt import SignedTokens
from backend.domain.auth import AuthError, Principal, VerifierUnavailableError
from backend.domain.diagnosis import Explanation, Finding

UNDECIDED: Final = "verifier_unavailable"

Failure = AuthError | VerifierUnavailableError

# What a check needs of the ones before: an odd header names no key, an unread payload no claims.
_NEEDS: Final[Mapping[str, str]] = {
    "signature": "header",
    **dict.fromkeys(("subject", "issuer", "audience", "times", "user"), "payload"),
}


class TokenExplainer:
    """Explains bearer tokens with the very parts that verify them.

    Args:
        signed: Checks headers and signatures.
        policy: Checks claims.
        to_principal: Reads the issuer's dialect, as the verifier does.
        has_secret: Whether a shared secret is configured.
        jwks_url: Where the key set is, if one is configured.
        cookies: The strategy of the session cookies that are accepted, or `off`.
        clock: The time in seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - what is configured, a line each in the container
        self,
        signed: SignedTokens,
        *,
        policy: ClaimsPolicy,
        to_principal: Callable[[Claims, float], Principal],
        has_secret: bool,
        jwks_url: str | None,
        cookies: str = OFF,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signed = signed
        self._policy = policy
        self._to_principal = to_principal
        self._has_secret = has_secret
        self._jwks_url = jwks_url
        self._cookies = cookies
        self._clock = clock

    async def explain(self, token: str) -> Explanation:
        """Check everything about a token.

        Args:
            token: What somebody sent as a bearer token. Untrusted, and secret.
        """
        try:
            jws = parse_compact(token)
            header, payload = decode_object(jws[0]), jws[1]
        except AuthError as error:
            form = Finding(check="form", problem=str(error), remedy=of_form(token, self._cookies))
            return Explanation(findings=[form], code=error.code, reason=error.reason)
        situation = Situation(
            header=header,
            claims=_claims(payload),
            policy=self._policy,
            has_secret=self._has_secret,
            jwks_url=self._jwks_url,
            now=self._clock(),
            cookies=self._cookies,
        )
        findings = [Finding(check="form", found=f"three segments, {len(token)} characters")]
        failures: dict[str, Failure] = {}
        for check, run in self._checks(jws, situation).items():
            needed = _NEEDS.get(check, "")
            if needed in failures:
                findings.append(
                    Finding(check=check, checked=False, found=f"the {needed} is refused")
                )
                continue
            failure = await _failure(run)
            if failure is not None:
                failures[check] = failure
            findings.append(_finding(check, failure, situation))
        code, reason = _answer(next(iter(failures.values()), None))
        return Explanation(
            header=redacted(header),
            claims=redacted(situation.claims),
            findings=findings,
            code=code,
            reason=reason,
        )

    def _checks(self, jws: CompactJws, situation: Situation) -> Mapping[str, Callable[[], object]]:
        _, payload, signing_input, signature = jws
        header, claims, policy = situation.header, situation.claims, self._policy
        return {
            "header": lambda: self._signed.check_header(header),
            "signature": lambda: self._signed.check_signature(header, signing_input, signature),
            "payload": lambda: decode_object(payload),
            "subject": lambda: policy.check_subject(claims),
            "issuer": lambda: policy.check_issuer(claims),
            "audience": lambda: policy.check_audience(claims),
            "times": lambda: policy.check_times(claims, situation.now),
            "user": lambda: self._to_principal({"sub": "", **claims}, situation.now),
        }


def _answer(first: Failure | None) -> tuple[str | None, str | None]:
    """Return what the API answers, and what it logs, for the first check that fails."""
    if isinstance(first, AuthError):
        return first.code, first.reason
    return (UNDECIDED, UNDECIDED) if first else (None, None)


async def _failure(run: Callable[[], object]) -> Failure | None:
    try:
        outcome = run()
        if inspect.isawaitable(outcome):
            await outcome
    except (AuthError, VerifierUnavailableError) as error:
        return error
    return None


def _finding(check: str, failure: Failure | None, situation: Situation) -> Finding:
    if failure is None:
        return Finding(check=check, found=situation.found(check))
    return Finding(
        check=check,
        found=situation.found(check),
        expected=situation.expected(check),
        problem=str(failure),
        remedy=remedies.of_error(failure, situation),
    )


def _claims(payload: bytes) -> Mapping[str, Any]:
    try:
        return decode_object(payload)
    except AuthError:
        return {}
