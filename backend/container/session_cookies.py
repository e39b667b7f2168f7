"""Makes the verifier of session cookies, and names the accepted cookies."""

from collections.abc import Callable, Sequence
from typing import Any

from backend.adapters.auth.keys import IssuerKeys
from backend.container.issuer import Issuer
from backend.container.tokens import decorated
from backend.domain.auth import TokenVerifier
from backend.domain.revocation import RevocationCheck
from backend.settings.authentication import AuthSettings
from backend.settings.values import CookieCache


def make_verifier(  # noqa: PLR0913 - the parts of the container
    settings: AuthSettings,
    issuer: Issuer,
    jwks: IssuerKeys | None,
    clock: Callable[[], float],
    tracer: Any = None,
    *,
    revocation: RevocationCheck | None = None,
) -> TokenVerifier | None:
    """Make the verifier of session cookies; None if cookies are not accepted."""
    if settings.auth_cookie is CookieCache.OFF:
        return None
    from backend.container import cookie_verifier  # noqa: PLC0415 - off mostly

    verifier = cookie_verifier.make(settings, issuer, jwks, clock, revocation)
    return decorated(
        verifier, settings, jwks, clock, tracer, revocation=revocation, credential="cookie"
    )


def web_origins(settings: AuthSettings, issuer: Issuer) -> frozenset[str]:
    """Return the origins whose pages may send changes with a session cookie."""
    return issuer.origins | {*settings.cors_origins}


def accepted_names(settings: AuthSettings) -> Sequence[str]:
    """Return the accepted names of the session cookie, the preferred name first.

    Better Auth adds `__Secure-` if its base URL is https. Then the plain name is not accepted,
    because any host below the same domain could set a plain cookie, even over http.
    """
    plain, secure = settings.auth_cookie_name, f"__Secure-{settings.auth_cookie_name}"
    if settings.better_auth_url is None:
        return [secure, plain]
    return [secure if settings.better_auth_url.startswith("https:") else plain]
