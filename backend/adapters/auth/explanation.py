"""Why a token is accepted or refused, check by check, for the operator who holds it.

The checks are the verifier's own, and go on past the first that fails. What is added is the remedy.
"""

import inspect
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from backend.adapters.auth import remedies
from backend.adapters.auth.better_auth import to_principal
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.jws import CompactJws, decode_object, parse_compact
from backend.adapters.auth.pyjwt import SignedTokens
from backend.domain.auth import AuthError, VerifierUnavailableError
from backend.domain.diagnosis import Explanation, Finding

REDACTED: Final = "(redacted)"

_SECRET_MEMBERS: Final = frozenset({"at_hash", "cnf", "jti", "jwk", "nonce", "sid", "token"})


class TokenExplainer:
    """Explains bearer tokens with the very parts that verify them.

    Args:
        signed: Checks headers and signatures.
        policy: Checks claims.
        has_secret: Whether a shared secret is configured.
        jwks_url: Where the key set is, if one is configured.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self,
        signed: SignedTokens,
        *,
        policy: ClaimsPolicy,
        has_secret: bool,
        jwks_url: str | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signed = signed
        self._policy = policy
        self._has_secret = has_secret
        self._jwks_url = jwks_url
        self._clock = clock

    async def explain(self, token: str) -> Explanation:
        """Check everything about a token.

        Args:
            token: What somebody sent as a bearer token. Untrusted, and secret.
        """
        try:
            jws = parse_compact(token)
        except AuthError as error:
            form = Finding(check="form", problem=str(error), remedy=remedies.of_form(token))
            return Explanation(findings=[form])
        situation = remedies.Situation(
            header=jws.header,
            claims=_claims(jws.payload),
            policy=self._policy,
            has_secret=self._has_secret,
            jwks_url=self._jwks_url,
            now=self._clock(),
        )
        findings = [Finding(check="form")]
        async for check, failure in self._failures(jws, situation):
            remedy = remedies.of_error(failure, situation) if failure else None
            findings.append(
                Finding(check=check, problem=str(failure) if failure else None, remedy=remedy)
            )
        return Explanation(
            header=redacted(jws.header), claims=redacted(situation.claims), findings=findings
        )

    async def _failures(
        self, jws: CompactJws, situation: remedies.Situation
    ) -> AsyncIterator[tuple[str, AuthError | VerifierUnavailableError | None]]:
        claims, policy = situation.claims, self._policy
        checks: Mapping[str, Callable[[], object]] = {
            "header": lambda: self._signed.check_header(jws.header),
            "signature": lambda: self._signed.check_signature(jws),
            "payload": lambda: decode_object(jws.payload),
            "subject": lambda: policy.check_subject(claims),
            "issuer": lambda: policy.check_issuer(claims),
            "audience": lambda: policy.check_audience(claims),
            "times": lambda: policy.check_times(claims, situation.now),
            "user": lambda: to_principal({"sub": "", **claims}, datetime.now(UTC)),
        }
        for check, run in checks.items():
            try:
                outcome = run()
                if inspect.isawaitable(outcome):
                    await outcome
            except (AuthError, VerifierUnavailableError) as error:
                yield check, error
            else:
                yield check, None


def redacted(part: Any) -> Any:
    """Return a part of a token without what somebody could use."""
    if isinstance(part, dict):
        return {
            name: REDACTED if name in _SECRET_MEMBERS else redacted(value)
            for name, value in part.items()
        }
    return [redacted(value) for value in part] if isinstance(part, list) else part


def _claims(payload: bytes) -> Mapping[str, Any]:
    try:
        return decode_object(payload)
    except AuthError:
        return {}
