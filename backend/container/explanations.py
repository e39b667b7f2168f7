"""Makes the explainer of session cookies, and chooses the advice, for the command line."""

from typing import Final

from backend.adapters.auth.explain import advice
from backend.adapters.auth.explain.session import CookieExplainer
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container.issuer import Issuer
from backend.container.session_cookies import cookie_decoder
from backend.domain.auth import TokenVerifier
from backend.settings.authentication import AuthSettings
from backend.settings.values import Provider

_ADVICE: Final = {Provider.BETTER_AUTH: advice.BETTER_AUTH, Provider.OIDC: advice.OIDC}


def advice_for(settings: AuthSettings) -> advice.Advice:
    """Return the texts of `explain` and `doctor` for the provider."""
    return _ADVICE[settings.auth_provider]


def cookie_explainer(
    settings: AuthSettings,
    issuer: Issuer,
    jwks: JwksKeys | None,
    verifier: TokenVerifier | None,
) -> CookieExplainer | None:
    """Make the explainer of session cookies; None if cookies are not accepted."""
    if verifier is None:
        return None
    return CookieExplainer(
        verifier.verify,
        cookie_decoder(settings, issuer, jwks),
        strategy=settings.auth_cookie,
        name=settings.auth_cookie_name,
        claim_names=settings.auth_claims,
    )
