"""Makes the parts that verify OAuth access tokens (`AUTH_RESOURCE`), beside those for other tokens.

Without `AUTH_RESOURCE` there are no such parts, and the same rules hold for all tokens.
"""

from collections.abc import Callable
from typing import NamedTuple

from backend.adapters.auth.claims import ClaimsPolicy, ToPrincipal
from backend.adapters.auth.jose.jwk import HMAC_ALGORITHMS
from backend.adapters.auth.keys import IssuerKeys
from backend.adapters.auth.pyjwt import ACCESS_TOKEN_TYPES, JwtTokenVerifier, SignedTokens
from backend.adapters.auth.token_types import OAUTH_TOKEN_TYPES, PLAIN_JWT_TYPES, TypedTokenVerifier
from backend.container.issuer import Issuer
from backend.container.tokens import sources
from backend.domain.auth import TokenVerifier
from backend.settings.authentication import AuthSettings


class AccessTokenRules(NamedTuple):
    """The rules for OAuth access tokens.

    Attributes:
        signed_tokens: Decodes tokens of the type `at+jwt` and verifies their signatures.
        policy: The rules for their claims.
    """

    signed_tokens: SignedTokens
    policy: ClaimsPolicy


def access_token_rules(
    settings: AuthSettings, issuer: Issuer, jwks: IssuerKeys | None
) -> AccessTokenRules | None:
    """Return the rules for OAuth access tokens; None without `AUTH_RESOURCE`."""
    if issuer.resource is None:
        return None
    asymmetric = {
        algorithm: source
        for algorithm, source in sources(settings, jwks).items()
        if algorithm not in HMAC_ALGORITHMS
    }
    policy = ClaimsPolicy(
        issuers=issuer.resource.issuers,
        audiences=frozenset([issuer.resource.identifier]),
        audience_claim=issuer.audience_claim,
        leeway=settings.auth_leeway,
        max_lifetime=settings.auth_max_lifetime,
    )
    max_length = settings.auth_token_max_bytes
    signed_tokens = SignedTokens(asymmetric, types=OAUTH_TOKEN_TYPES, max_length=max_length)
    return AccessTokenRules(signed_tokens, policy)


def types_of_other_tokens(rules: AccessTokenRules | None) -> frozenset[str]:
    """Return the accepted values of `typ` in the tokens that have no rules of their own.

    Args:
        rules: The rules for OAuth access tokens; None if all tokens have the same rules.
    """
    return ACCESS_TOKEN_TYPES if rules is None else PLAIN_JWT_TYPES


def with_access_tokens(
    verifier: JwtTokenVerifier,
    rules: AccessTokenRules | None,
    to_principal: ToPrincipal,
    clock: Callable[[], float],
) -> TokenVerifier:
    """Let a verifier of other tokens accept OAuth access tokens too, each by their own rules."""
    if rules is None:
        return verifier
    access_tokens = JwtTokenVerifier(
        rules.signed_tokens, policy=rules.policy, to_principal=to_principal, clock=clock
    )
    return TypedTokenVerifier(verifier, access_tokens=access_tokens)
