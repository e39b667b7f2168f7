"""Makes the explainers of sessions, and chooses the advice, for the command line."""

import functools
from collections.abc import Callable
from typing import Any, Final

from backend.adapters.auth.explain import advice
from backend.adapters.auth.explain.session import CookieExplainer
from backend.adapters.auth.explain.session_token import (
    SessionTokenExplainer,
    diagnose_session_tokens,
)
from backend.adapters.auth.jwks.fetch import fetch
from backend.adapters.auth.keys import IssuerKeys
from backend.container.cookie_verifier import cookie_decoder
from backend.container.issuer import Issuer
from backend.container.tokens import without_revocation_check
from backend.domain.auth import TokenVerifier
from backend.domain.diagnosis import Finding
from backend.settings.authentication import AuthSettings
from backend.settings.values import Provider

_ADVICE: Final = {Provider.BETTER_AUTH: advice.BETTER_AUTH, Provider.OIDC: advice.OIDC}


def advice_for(settings: AuthSettings) -> advice.Advice:
    """Return the texts of `explain` and `doctor` for the provider."""
    return _ADVICE[settings.auth_provider]


def cookie_explainer(
    settings: AuthSettings,
    issuer: Issuer,
    jwks: IssuerKeys | None,
    verifier: TokenVerifier | None,
    tracer: Any = None,
) -> CookieExplainer | None:
    """Make the explainer of session cookies; None if cookies are not accepted."""
    verifier = without_revocation_check(verifier, tracer)
    if verifier is None:
        return None
    return CookieExplainer(
        verifier.verify,
        cookie_decoder(settings, issuer, jwks),
        strategy=settings.auth_cookie,
        name=settings.auth_cookie_name,
        claim_names=settings.auth_claims,
    )


def session_token_explainer(
    settings: AuthSettings, verifier: TokenVerifier | None, tracer: Any = None
) -> SessionTokenExplainer | None:
    """Make the explainer of session tokens; None if session tokens are not accepted."""
    verifier = without_revocation_check(verifier, tracer)
    if verifier is None:
        return None
    return SessionTokenExplainer(verifier.verify, secret=settings.secrets[0].encode())


async def diagnose_get_session(
    settings: AuthSettings, issuer: Issuer, client: Callable[[], Any]
) -> list[Finding]:
    """Return whether Better Auth can be asked about sessions; nothing if it is not asked."""
    url = issuer.get_session_url
    return await diagnose_session_tokens(
        None if url is None else functools.partial(fetch, client(), url),
        url=url,
        max_age=settings.auth_session_max_age,
    )
