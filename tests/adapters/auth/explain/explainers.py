"""Makes an explainer and a verifier from the same parts, and reads explanations."""

from collections.abc import Callable, Sequence
from typing import Any

from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.claims import Claims
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.domain.auth import Principal
from backend.domain.diagnosis import Explanation, Finding
from backend.testing.signers import key_set, signer
from tests.adapters.auth.tokens import NOW
from tests.adapters.auth.verifiers import FixedKeys, policy

JWKS_URL = "https://app.example.com/api/auth/jwks"

Mistake = tuple[str, dict[str, Any], str, str, list[str]]
"""Id, configuration, token, the check that fails, and words that the remedy contains."""


def make_explainer_and_verifier(
    *keys: object,
    secrets: Sequence[bytes] = (),
    source: KeySource | None = None,
    jwks: bool = True,
    cookies: str = "off",
    cookies_only: bool = False,
    claim_names: Sequence[str] = (),
    algorithms: Sequence[str] = (),
    to_principal: Callable[[Claims, float], Principal] = to_principal,
    clock: Callable[[], float] = lambda: NOW,
    **claims_policy: Any,
) -> tuple[TokenExplainer, JwtTokenVerifier]:
    """Make both as the container does. Without `jwks`, only secrets are configured."""
    published = source or FixedKeys(read_key_set(key_set(*(keys or [signer("EdDSA")]))))
    sources: dict[str, KeySource] = {}
    if jwks:
        sources |= dict.fromkeys(ASYMMETRIC_ALGORITHMS, published)
    if secrets:
        sources |= dict.fromkeys(HMAC_ALGORITHMS, SecretKeys(secrets))
    signed_tokens = SignedTokens({name: sources[name] for name in algorithms or sources})
    rules = policy(**claims_policy)
    explainer = TokenExplainer(
        signed_tokens,
        policy=rules,
        to_principal=to_principal,
        has_secret=bool(secrets),
        jwks_url=JWKS_URL if jwks else None,
        cookies=cookies,
        secret_is_for_sessions=cookies_only,
        claim_names=claim_names,
        clock=clock,
    )
    verifier = JwtTokenVerifier(signed_tokens, policy=rules, to_principal=to_principal, clock=clock)
    return explainer, verifier


def make_explainer(*keys: object, **configured: Any) -> TokenExplainer:
    return make_explainer_and_verifier(*keys, **configured)[0]


def finding_of(explanation: Explanation, check: str) -> Finding:
    """Return the only finding of a check."""
    (finding,) = (finding for finding in explanation.findings if finding.check == check)
    return finding


def failed_checks(explanation: Explanation) -> list[str]:
    """Return the names of the checks that failed, in order."""
    return [finding.check for finding in explanation.findings if finding.problem is not None]


async def assert_remedy(
    configured: dict[str, Any], text: str, check: str, words: Sequence[str]
) -> None:
    """Assert that a check of the token fails, and that its remedy contains all the words."""
    configured = dict(configured)
    explainer = make_explainer(*configured.pop("keys", ()), **configured)
    explanation = await explainer.explain(text)
    assert check in failed_checks(explanation)
    remedy = finding_of(explanation, check).remedy
    assert remedy is not None
    for word in words:
        assert word in remedy
