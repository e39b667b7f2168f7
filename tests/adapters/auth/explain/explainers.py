"""An explainer and a verifier of the very same parts, and the findings by their names."""

from collections.abc import Callable, Sequence
from typing import Any

from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.explain.token import TokenExplainer
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.domain.diagnosis import Explanation, Finding
from tests.adapters.auth.tokens import NOW, key_set, signer
from tests.adapters.auth.verifiers import FixedKeys, policy

JWKS_URL = "https://app.example.com/api/auth/jwks"


def both(
    *keys: object,
    secrets: Sequence[bytes] = (),
    source: KeySource | None = None,
    jwks: bool = True,
    cookies: str = "off",
    algorithms: Sequence[str] = (),
    clock: Callable[[], float] = lambda: NOW,
    **claims_policy: Any,
) -> tuple[TokenExplainer, JwtTokenVerifier]:
    """Make them as the container does; without `jwks`, as if only secrets were configured."""
    published = source or FixedKeys(read_key_set(key_set(*(keys or [signer("EdDSA")]))))
    sources: dict[str, KeySource] = {}
    if jwks:
        sources |= dict.fromkeys(ASYMMETRIC_ALGORITHMS, published)
    if secrets:
        sources |= dict.fromkeys(HMAC_ALGORITHMS, SecretKeys(secrets))
    signed = SignedTokens({name: sources[name] for name in algorithms or sources})
    rules = policy(**claims_policy)
    explainer = TokenExplainer(
        signed,
        policy=rules,
        to_principal=to_principal,
        has_secret=bool(secrets),
        jwks_url=JWKS_URL if jwks else None,
        cookies=cookies,
        clock=clock,
    )
    return explainer, JwtTokenVerifier(signed, policy=rules, to_principal=to_principal, clock=clock)


def finding(said: Explanation, check: str) -> Finding:
    """Return what was found by one check."""
    (found,) = (one for one in said.findings if one.check == check)
    return found


def failing(said: Explanation) -> list[str]:
    """Return the checks that fail, in order."""
    return [one.check for one in said.findings if one.problem is not None]
