"""Explains why a token is accepted or rejected, check by check.

The checks are those of the verifier, but they continue after a failure, and a failure has a remedy.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from backend.adapters.auth.claims import Claims, ClaimsPolicy, ToPrincipal
from backend.adapters.auth.explain.advice import BETTER_AUTH, Advice
from backend.adapters.auth.explain.context import OFF, TokenContext
from backend.adapters.auth.explain.custom_claims import claims_finding
from backend.adapters.auth.explain.failures import Failure, code_and_reason
from backend.adapters.auth.explain.key_set import key_set_finding
from backend.adapters.auth.explain.malformed import long_token_remedy
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jose.jws import CompactJws, decode_object, parse_compact
from backend.adapters.auth.pyjwt import SignedTokens
from backend.adapters.auth.redaction.values import redacted
from backend.adapters.auth.token_types import is_access_token
from backend.domain.auth import AuthError, Principal, VerifierUnavailableError
from backend.domain.diagnosis import Explanation, Finding, KeySetState

# Without a valid header there is no key to look for, and without a valid payload no claim to check.
_REQUIRED_CHECKS: Final[Mapping[str, str]] = {
    "signature": "header",
    **dict.fromkeys(("subject", "issuer", "audience", "times", "user"), "payload"),
}


class TokenExplainer:
    """Explains bearer tokens with the same parts that verify them.

    Args:
        signed_tokens: Checks headers and signatures.
        policy: The rules for the registered claims.
        access_tokens: The same two parts for OAuth access tokens; None if they are not separate.
        to_principal: Maps the issuer's claims to a principal, as for the verifier.
        has_secret: Whether a shared secret is configured.
        jwks_url: The URL of the key set; None if no key set is configured.
        cookies: The accepted strategy of session cookies, or `off`.
        secret_is_for_sessions: Whether the shared secret verifies session cookies and session
            tokens only.
        key_set_state: Returns the state of the key set; None if no key set is configured.
        claim_names: The names of the further claims of a principal (`AUTH_CLAIMS`).
        advice: The texts for the operator of the provider.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - an argument for each setting
        self,
        signed_tokens: SignedTokens,
        *,
        policy: ClaimsPolicy,
        access_tokens: tuple[SignedTokens, ClaimsPolicy] | None = None,
        to_principal: ToPrincipal,
        has_secret: bool,
        jwks_url: str | None,
        cookies: str = OFF,
        secret_is_for_sessions: bool = False,
        key_set_state: Callable[[], KeySetState] | None = None,
        claim_names: Sequence[str] = (),
        advice: Advice = BETTER_AUTH,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signed_tokens = signed_tokens
        self._policy = policy
        self._access_tokens = access_tokens
        self._to_principal = to_principal
        self._has_secret = has_secret
        self._jwks_url = jwks_url
        self._cookies = cookies
        self._secret_is_for_sessions = secret_is_for_sessions
        self._key_set_state = key_set_state
        self._claim_names = claim_names
        self._advice = advice
        self._clock = clock

    async def explain(self, token: str) -> Explanation:
        """Run every check on a token.

        Args:
            token: The text that was sent as a bearer token. Untrusted and secret.
        """
        try:
            jws = parse_compact(token, max_length=self._signed_tokens.max_length)
            header, payload = decode_object(jws[0]), jws[1]
        except AuthError as error:
            remedy = self._advice.malformed(
                token, self._cookies, max_length=self._signed_tokens.max_length
            )
            finding = Finding(check="format", problem=str(error), remedy=remedy)
            return Explanation(findings=[finding], code=error.code, reason=error.reason)
        signed_tokens, policy = self._rules(jws)
        context = TokenContext(
            header=header,
            claims=_claims(payload),
            policy=policy,
            has_resource=self._access_tokens is not None,
            has_secret=self._has_secret,
            jwks_url=self._jwks_url,
            now=self._clock(),
            cookie_strategy=self._cookies,
            secret_is_for_sessions=self._secret_is_for_sessions,
        )
        findings = [
            Finding(
                check="format",
                found=f"three segments, {len(token)} characters",
                remedy=long_token_remedy(
                    token,
                    max_length=self._signed_tokens.max_length,
                    fewer_claims=self._advice.fewer_claims,
                ),
            )
        ]
        failures: dict[str, Failure] = {}
        for check, run in self._checks(jws, context, signed_tokens).items():
            required = _REQUIRED_CHECKS.get(check)
            if required in failures:
                obstacle = f"the {required} is invalid"
                findings.append(Finding(check=check, checked=False, found=obstacle))
                continue
            failure = await _failure(run)
            if failure is not None:
                failures[check] = failure
            findings.append(self._finding(check, failure, context))
            if check == "signature":
                by_key_set = failure is None and header.get("alg") in ASYMMETRIC_ALGORITHMS
                context = replace(context, signed_by_key_set=by_key_set)
                findings += self._key_set_findings(header)
            if check == "user" and failure is None:
                findings += self._claims_findings(context)
        # The API answers with the first failure.
        code, reason = code_and_reason(next(iter(failures.values()), None))
        return Explanation(
            header=redacted(header),
            claims=redacted(context.claims),
            findings=findings,
            code=code,
            reason=reason,
        )

    def _key_set_findings(self, header: Mapping[str, Any]) -> Iterator[Finding]:
        """Describe the keys of this explanation, because a server may have other keys."""
        if self._key_set_state is not None and header.get("alg") not in HMAC_ALGORITHMS:
            yield key_set_finding(self._key_set_state(), self._jwks_url, now=self._clock())

    def _rules(self, jws: CompactJws) -> tuple[SignedTokens, ClaimsPolicy]:
        """Choose the rules by the type of the token, as the verifier does."""
        if self._access_tokens is not None and is_access_token(jws[0].decode("ascii")):
            return self._access_tokens
        return self._signed_tokens, self._policy

    def _checks(
        self, jws: CompactJws, context: TokenContext, signed_tokens: SignedTokens
    ) -> Mapping[str, Callable[[], object]]:
        _, payload, signing_input, signature = jws
        header, claims, policy = context.header, context.claims, context.policy
        return {
            "header": lambda: signed_tokens.check_header(header),
            "signature": lambda: signed_tokens.check_signature(header, signing_input, signature),
            "payload": lambda: decode_object(payload, lone_surrogates=True),
            "subject": lambda: policy.check_subject(claims),
            "issuer": lambda: policy.check_issuer(claims),
            "audience": lambda: policy.check_audience(claims),
            "times": lambda: policy.check_times(claims, context.now),
            "user": lambda: self._principal(context),
        }

    def _claims_findings(self, context: TokenContext) -> Iterator[Finding]:
        if self._claim_names:
            claims = self._principal(context).claims
            yield claims_finding(claims, self._claim_names, remedy=self._advice.missing_claims)

    def _finding(self, check: str, failure: Failure | None, context: TokenContext) -> Finding:
        if failure is None:
            return Finding(check=check, found=context.found(check))
        return Finding(
            check=check,
            found=context.found(check),
            expected=context.expected(check),
            problem=str(failure),
            remedy=self._advice.error(failure, context),
        )

    def _principal(self, context: TokenContext) -> Principal:
        return self._to_principal(_with_subject(context.claims), context.now)


async def _failure(run: Callable[[], object]) -> Failure | None:
    try:
        result = run()
        if inspect.isawaitable(result):
            await result
    except (AuthError, VerifierUnavailableError) as error:
        return error
    return None


def _claims(payload: bytes) -> Claims:
    try:
        return decode_object(payload, lone_surrogates=True)
    except AuthError:
        return {}


def _with_subject(claims: Claims) -> Claims:
    # The verifier checks `sub` before it maps claims, so a mapping may expect a string.
    return claims if isinstance(claims.get("sub"), str) else {**claims, "sub": ""}
